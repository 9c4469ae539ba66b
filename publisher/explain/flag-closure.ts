import type { FlagRow } from "../postgres/flag-record.ts";
import { requirementsOf } from "../postgres/flag-relations.ts";
import { rulesOf, segmentNamesIn } from "../postgres/segment-store.ts";
import type { SnapshotRows } from "../publish/snapshot-builder.ts";

/** The keys of flags and of all their prerequisites, direct and indirect. */
export function withNeeded(rows: readonly FlagRow[], keys: Iterable<string>): ReadonlySet<string> {
  const needs = new Map(rows.map((row) => [row.key, requirementsOf(row.requires).map(({ flag }) => flag)]));
  return reach(keys, (key) => needs.get(key) ?? []);
}

/** A flag's key and the keys of all flags that require it, directly or indirectly. */
export function withDependents(rows: readonly FlagRow[], key: string): ReadonlySet<string> {
  const neededBy = new Map<string, string[]>();
  for (const row of rows) {
    for (const { flag } of requirementsOf(row.requires)) {
      neededBy.set(flag, [...(neededBy.get(flag) ?? []), row.key]);
    }
  }
  return reach([key], (needed) => neededBy.get(needed) ?? []);
}

/** Only these flags, with the segments of their rules. Their decisions are as in the whole snapshot. */
export function onlyThese({ rows, segmentRows }: SnapshotRows, keys: ReadonlySet<string>): SnapshotRows {
  const kept = rows.filter(({ key }) => keys.has(key));
  const named = new Set(kept.flatMap(({ targeting }) => [...segmentNamesIn(rulesOf(targeting))]));
  return { rows: kept, segmentRows: segmentRows.filter(({ name }) => named.has(name)) };
}

function reach(from: Iterable<string>, next: (key: string) => readonly string[]): ReadonlySet<string> {
  const reached = new Set(from);
  // Iterating a set also reaches the keys that are added meanwhile.
  for (const key of reached) {
    for (const other of next(key)) reached.add(other);
  }
  return reached;
}
