import { toFlagRecord, type FlagRecord, type FlagRow } from "./flag-record.ts";
import { toSnapshotFlag } from "./snapshot-builder.ts";

/** A flag as people see it; `invalid`: why the edge holds it off, when plain SQL put in what is not valid. */
export type FlagView = FlagRecord & { readonly invalid?: string };

/** Deeper than anything that is valid; what plain SQL nested further could not even be written as JSON. */
const MAX_DEPTH = 32;

/** Shows a row, broken or not. */
export function toFlagView(row: FlagRow): FlagView {
  const record = toFlagRecord(row);
  const { invalid } = toSnapshotFlag(row);
  if (typeof invalid !== "string") return record;
  const { targeting, gates } = record;
  return {
    ...record,
    targeting: cutBelow(targeting, MAX_DEPTH) as FlagRecord["targeting"],
    gates: cutBelow(gates, MAX_DEPTH) as FlagRecord["gates"],
    invalid,
  };
}

function cutBelow(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.map((item) => cutBelow(item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, cutBelow(item, depth - 1)]));
}
