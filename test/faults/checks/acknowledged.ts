import { isDeepStrictEqual } from "node:util";
import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import type { FlagState, Violation, Write } from "../history.ts";
import { nameOf, type Truth } from "../truth.ts";

const RULE = "every acknowledged write is in Postgres once, and no refused write is";

/**
 * Compares the answers to clients with the audit.
 *
 * @param writes of this round
 * @param earlier of all earlier rounds: their stamps may still turn up
 * @param table the flags in the table itself, after the last change in `truth`
 */
export function checkAcknowledged(
  writes: readonly Write[],
  earlier: readonly Write[],
  truth: Truth,
  table: ReadonlyMap<string, FlagState>,
): readonly Violation[] {
  return [
    ...writes.flatMap((write) => checkPromise(write, truth)),
    ...checkStamps([...earlier, ...writes], truth),
    ...checkOrderInTime(writes),
    ...checkTable(truth, table),
  ];
}

/** The flag was as in the answer, at the version in the answer. */
function checkPromise(write: Write, truth: Truth): readonly Violation[] {
  const { outcome, keys } = write;
  if (outcome.result !== "acknowledged" || outcome.promised === undefined) return [];
  const { version, flag } = outcome.promised;
  const [key = ""] = keys;
  const state = truth.stateAt(key, version);
  if (!truth.knows(version)) {
    return [{ rule: RULE, what: `${nameOf(version)} was acknowledged, and never committed`, about: [write] }];
  }
  if (isDeepStrictEqual(state, flag)) return [];
  return [
    { rule: RULE, what: `${key} differs from the answer at ${nameOf(version)}`, about: [write, { state }] },
  ];
}

/** Each stamp is in the audit at most once; an acknowledged one is, and a refused one is not. */
function checkStamps(writes: readonly Write[], truth: Truth): readonly Violation[] {
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
        ? `it is in the audit ${found} times`
        : found === 0 && result === "acknowledged"
          ? "it was acknowledged, and is not in the audit"
          : found > 0 && result === "refused"
            ? "it was refused, and is in the audit"
            : undefined;
    return what === undefined ? [] : [{ rule: RULE, what, about: [write] }];
  });
}

/** A write that began after another was acknowledged has a later version. */
function checkOrderInTime(writes: readonly Write[]): readonly Violation[] {
  const acknowledged = writes.flatMap((write) =>
    write.outcome.result === "acknowledged" && write.outcome.promised !== undefined
      ? [{ write, version: write.outcome.promised.version }]
      : [],
  );
  const byEnd = acknowledged.toSorted((a, b) => a.write.endedAt - b.write.endedAt);
  let next = 0;
  let newest: { write: Write; version: Version } | undefined;
  return acknowledged
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
      const what = `${nameOf(version)} came after ${nameOf(newest.version)}`;
      return [{ rule: RULE, what, about: [newest.write, write] }];
    });
}

/** The table equals the sum of the audit. */
function checkTable(truth: Truth, table: ReadonlyMap<string, FlagState>): readonly Violation[] {
  const sum = truth.allAt(truth.newest);
  const keys = new Set([...sum.keys(), ...table.keys()]);
  return [...keys].flatMap((key) => {
    const pair = { audit: sum.get(key), table: table.get(key) };
    if (isDeepStrictEqual(pair.audit, pair.table)) return [];
    return [{ rule: RULE, what: `the table and its audit differ about ${key}`, about: [pair] }];
  });
}
