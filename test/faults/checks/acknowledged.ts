import { isDeepStrictEqual } from "node:util";
import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import type { FlagState, Violation, Write } from "../history.ts";
import { nameOf, type Truth } from "../truth.ts";

const RULE = "every acknowledged write is in Postgres, once, and none that was refused";

/**
 * Holds what clients were promised against the audit.
 *
 * @param writes of this round
 * @param earlier those whose stamps may still turn up: of all rounds
 * @param table what stands in the table itself, after the last change that the truth knows
 */
export function checkAcknowledged(
  writes: readonly Write[],
  earlier: readonly Write[],
  truth: Truth,
  table: ReadonlyMap<string, FlagState>,
): readonly Violation[] {
  return [
    ...writes.flatMap((write) => keepsItsPromise(write, truth)),
    ...stampsAreRight([...earlier, ...writes], truth),
    ...orderIsReal(writes),
    ...tableIsTheSum(truth, table),
  ];
}

/** The flag was just as the answer told, in the version that it told. */
function keepsItsPromise(write: Write, truth: Truth): readonly Violation[] {
  const { outcome, keys } = write;
  if (outcome.result !== "acknowledged" || outcome.told === undefined) return [];
  const { version, flag } = outcome.told;
  const [key = ""] = keys;
  const state = truth.stateAt(key, version);
  if (!truth.knows(version)) {
    return [{ rule: RULE, what: `${nameOf(version)} was acknowledged and never was`, about: [write] }];
  }
  if (isDeepStrictEqual(state, flag)) return [];
  return [{ rule: RULE, what: `${key} was not so at ${nameOf(version)}`, about: [write, { state }] }];
}

function stampsAreRight(writes: readonly Write[], truth: Truth): readonly Violation[] {
  const times = new Map<string, number>();
  for (const { before, after } of truth.changes) {
    if (after === null || after.description === before?.description) continue;
    times.set(after.description, (times.get(after.description) ?? 0) + 1);
  }
  return writes.flatMap((write) => {
    if (write.stamp === undefined) return [];
    const found = times.get(write.stamp) ?? 0;
    const { result } = write.outcome;
    const what =
      found > 1
        ? `it was done ${found} times`
        : found === 0 && result === "acknowledged"
          ? "it was acknowledged and is lost"
          : found > 0 && result === "refused"
            ? "it was refused and is there"
            : undefined;
    return what === undefined ? [] : [{ rule: RULE, what, about: [write] }];
  });
}

/** A write that began after another was acknowledged has a later version. */
function orderIsReal(writes: readonly Write[]): readonly Violation[] {
  const told = writes.flatMap((write) =>
    write.outcome.result === "acknowledged" && write.outcome.told !== undefined
      ? [{ write, version: write.outcome.told.version }]
      : [],
  );
  const byEnd = told.toSorted((a, b) => a.write.endedAt - b.write.endedAt);
  let next = 0;
  let newest: { write: Write; version: Version } | undefined;
  return told
    .toSorted((a, b) => a.write.startedAt - b.write.startedAt)
    .flatMap(({ write, version }) => {
      for (
        let done = byEnd[next];
        done !== undefined && done.write.endedAt < write.startedAt;
        done = byEnd[++next]
      ) {
        if (newest === undefined || compareVersions(done.version, newest.version) > 0) newest = done;
      }
      if (newest === undefined || compareVersions(version, newest.version) >= 0) return [];
      const what = `${nameOf(version)} was given after ${nameOf(newest.version)}`;
      return [{ rule: RULE, what, about: [newest.write, write] }];
    });
}

function tableIsTheSum(truth: Truth, table: ReadonlyMap<string, FlagState>): readonly Violation[] {
  const sum = truth.allAt(truth.newest);
  const keys = new Set([...sum.keys(), ...table.keys()]);
  return [...keys].flatMap((key) => {
    const pair = { audit: sum.get(key), table: table.get(key) };
    if (isDeepStrictEqual(pair.audit, pair.table)) return [];
    return [{ rule: RULE, what: `the table and its audit differ about ${key}`, about: [pair] }];
  });
}
