import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isObject } from "../../shared/flag/members.ts";
import type { Snapshot } from "../../shared/snapshot/snapshot.ts";
import { gate } from "../schema/gate-schema.ts";
import { judgeGates } from "./judge-gates.ts";

/** The file from which the worker of this clone imports its gates. */
export const GATES_MODULE = fileURLToPath(new URL("../../worker/deployed-gates.ts", import.meta.url));

/** Whether a worker is there: a publisher may be installed without one. */
export const hasWorker = (): boolean => existsSync(path.dirname(GATES_MODULE));

/** The module that is bundled with the worker, as text. */
export interface GatesModule {
  readonly text: string;
  /** The number of gates in it. */
  readonly gates: number;
  /** Flags with a gate that plain SQL broke. Such a gate closes its page with 404; without a valid pattern it is missing. */
  readonly broken: readonly string[];
}

/**
 * Writes the gates of a snapshot as a module: patterns and their actions, and nothing about who has a flag. The same
 * snapshot always returns the same text.
 *
 * @throws Error if no publisher can have built the snapshot
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
  const judged = judgeGates(gates);
  return {
    flag: key,
    // As the worker does it: a gate with a valid pattern closes its page, even if its action is broken.
    gates: judged.list.filter(isObject).map(({ pattern, otherwise }) => ({
      pattern,
      otherwise: gate.shape.otherwise.safeParse(otherwise).data ?? { status: 404 },
    })),
    isBroken: judged.fault !== undefined,
  };
}

/**
 * Writes a file completely or not at all. Does not touch a file that has the text already: a build may compare the
 * time of its last change.
 *
 * @returns whether the file was written
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
