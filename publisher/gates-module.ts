import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Snapshot } from "../shared/snapshot.ts";
import { gate } from "./gate-schema.ts";

/** Where the worker of this clone imports its gates from. */
export const GATES_MODULE = fileURLToPath(new URL("../worker/deployed-gates.ts", import.meta.url));

/** A publisher may be installed without one. */
export const hasWorker = (): boolean => existsSync(path.dirname(GATES_MODULE));

/** The module that is bundled with the worker, as text. */
export interface GatesModule {
  readonly text: string;
  /** How many it holds. */
  readonly gates: number;
}

/**
 * The gates of a snapshot as a module: patterns and what closes them, nothing of who is in. The same snapshot gives the
 * same text.
 *
 * @throws Error when a gate is not one: a page that nobody closes must not pass unseen
 */
export function toGatesModule({ flags }: Snapshot): GatesModule {
  const entries = flags
    .map(readGates)
    .filter(({ gates }) => gates.length > 0)
    .sort((a, b) => Number(a.flag > b.flag) - Number(a.flag < b.flag));
  const list = entries.length === 0 ? "[]" : JSON.stringify(entries, null, 2);
  return {
    text:
      'import type { DeployedGate } from "./gate.ts";\n\n' +
      "/** Gates as they were at the deploy: `sluice publish` writes this file. They are closed while the worker holds no " +
      `snapshot. */\nexport const deployedGates: readonly DeployedGate[] = ${list};\n`,
    gates: entries.reduce((sum, { gates }) => sum + gates.length, 0),
  };
}

function readGates(raw: unknown) {
  const { key, gates = [] } = raw as { readonly key?: unknown; readonly gates?: unknown };
  const parsed = gate.array().safeParse(gates);
  if (typeof key !== "string" || !parsed.success) {
    throw new Error(`the gates of flag ${String(key)} are not valid: no module was written`);
  }
  return { flag: key, gates: parsed.data };
}

/**
 * Writes a file as a whole or not at all, and leaves one alone that holds the text already: its time tells when it
 * changed, and a build may look at that.
 *
 * @returns whether it was written
 */
export async function writeIfChanged(file: string, text: string): Promise<boolean> {
  if ((await readFile(file, "utf8").catch(() => undefined)) === text) return false;
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(draft, text);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
  return true;
}
