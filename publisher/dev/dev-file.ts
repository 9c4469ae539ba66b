import { rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { CliConfig } from "../config.ts";

/** The files of `npm start`: git-ignored, inside the clone, so that two clones do not share them. */
export const localFolder = fileURLToPath(new URL("../../.sluice/", import.meta.url));

/** The address of the local system, for the CLI of the same clone. */
const devFile = `${localFolder}dev.json`;

/** Writes address and token for the CLI, readable only by this user. @returns a function that deletes the file */
export async function leaveDevFile(config: CliConfig): Promise<() => Promise<void>> {
  await rm(devFile, { force: true }); // an existing file would keep its mode
  await writeFile(devFile, JSON.stringify(config), { mode: 0o600, flag: "wx" });
  return () => rm(devFile, { force: true });
}
