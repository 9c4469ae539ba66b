import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isObject } from "../../shared/flag/members.ts";
import type { Snapshot } from "../../shared/snapshot/snapshot.ts";
import { gatePatternFault } from "../schema/gate-pattern.ts";
import { gate } from "../schema/gate-schema.ts";

/** Where the worker of this clone imports its gates from. */
export const GATES_MODULE = fileURLToPath(new URL("../../worker/deployed-gates.ts", import.meta.url));

/** A publisher may be installed without one. */
export const hasWorker = (): boolean => existsSync(path.dirname(GATES_MODULE));

/** The module that is bundled with the worker, as text. */
export interface GatesModule {
  readonly text: string;
  /** How many it holds. */
  readonly gates: number;
  /** Flags some of whose gates plain SQL broke: what is not understood is closed with 404, what has no pattern is missing. */
  readonly broken: readonly string[];
}

/**
 * The gates of a snapshot as a module: patterns and what closes them, nothing of who is in. The same snapshot gives the
 * same text.
 *
 * @throws Error when it is not a publisher's
 */
export function toGatesModule({ flags }: Snapshot): GatesModule {
  const read = flags.map(readGates);
  const entries = read
    .filter(({ gates }) => gates.length > 0)
    .map(({ flag, gates }) => ({ flag, gates }))
    .sort((a, b) => Number(a.flag > b.flag) - Number(a.flag < b.flag));
  const list = entries.length === 0 ? "[]" : JSON.stringify(entries, null, 2);
  return {
    text:
      'import type { DeployedGate } from "../shared/gate/gate.ts";\n\n' +
      "/** Gates as they were at the deploy: `sluice publish` writes this file. They are closed while the worker holds no " +
      `snapshot. */\nexport const deployedGates: readonly DeployedGate[] = ${list};\n`,
    gates: entries.reduce((sum, { gates }) => sum + gates.length, 0),
    broken: read.flatMap(({ flag, isBroken }) => (isBroken ? [flag] : [])),
  };
}

function readGates(raw: unknown) {
  const { key, gates = [] } = raw as { readonly key?: unknown; readonly gates?: unknown };
  if (typeof key !== "string" || !Array.isArray(gates)) {
    throw new Error(`the gates of flag ${String(key)} are not valid: no module was written`);
  }
  const read = gates.map(readGate);
  return {
    flag: key,
    gates: read.flatMap(({ closed }) => closed ?? []),
    isBroken: read.some(({ isSound }) => !isSound),
  };
}

/** As the worker reads it: a pattern that is understood is closed, whatever the rest says. */
function readGate(raw: unknown) {
  const sound = gate.safeParse(raw);
  if (sound.success) return { closed: sound.data, isSound: true };
  if (!isObject(raw)) return { isSound: false };
  const { pattern } = raw;
  if (typeof pattern !== "string" || gatePatternFault(pattern) !== undefined) return { isSound: false };
  const otherwise = gate.shape.otherwise.safeParse(raw["otherwise"]);
  return { closed: { pattern, otherwise: otherwise.data ?? { status: 404 } }, isSound: false };
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
