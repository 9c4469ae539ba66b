import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { CliConfig } from "../config.ts";

/** Where `npm start` keeps what it makes: git-ignored, in the clone, so that two clones do not meet. */
export const localFolder = fileURLToPath(new URL("../../.sluice/", import.meta.url));

/** Tells the CLI of the same clone where the local system is; read by cli/. */
const devFile = `${localFolder}dev.json`;

/** Leaves address and token for the CLI, readable by this user alone. @returns how to take it away again */
export async function leaveDevFile(config: CliConfig): Promise<() => Promise<void>> {
  await rm(devFile, { force: true }); // an older file would keep its mode
  await writeFile(devFile, JSON.stringify(config), { mode: 0o600, flag: "wx" });
  return () => rm(devFile, { force: true });
}
