import { compileSegments } from "../../shared/compile/compile-segments.ts";
import { faultText } from "../../shared/flag/fault.ts";
import { orderFlags } from "../../shared/compile/order-flags.ts";
import { toFlagRecord, type FlagRecord, type FlagRow } from "../postgres/flag-record.ts";
import { readRelations, requirementsOf } from "../postgres/flag-relations.ts";
import { judgeFlag } from "../publish/judge-flag.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { readSegmentsNamed, rulesOf, segmentNamesIn } from "../postgres/segment-store.ts";
import { toSnapshotSegment } from "../publish/snapshot-segment.ts";

/** A flag as people see it; `invalid`: why the edge holds it off, when plain SQL put in what is not valid. */
export type FlagView = FlagRecord & { readonly invalid?: string };

/** Deeper than anything that is valid; what plain SQL nested further could not even be written as JSON. */
const MAX_DEPTH = 32;

/** Shows rows, broken or not, judged together with the segments and flags that they name. */
export async function readFlagViews(db: Queryable, rows: readonly FlagRow[]): Promise<readonly FlagView[]> {
  const named = new Set(rows.flatMap(({ targeting }) => [...segmentNamesIn(rulesOf(targeting))]));
  const segmentRows = await readSegmentsNamed(db, named);
  const segments = compileSegments(segmentRows.map((row) => toSnapshotSegment(row).segment));
  const needed = rows.flatMap(({ requires }) => requirementsOf(requires).map(({ flag }) => flag));
  const relations = needed.length === 0 ? [] : await readRelations(db, needed);

  const definitions = rows.map((row) => judgeFlag(row, segments).definition);
  const shown = new Set(rows.map(({ key }) => key));
  const { faults } = orderFlags([...definitions, ...relations.filter(({ key }) => !shown.has(key))]);
  return rows.map((row, index) => {
    const fault = definitions[index]?.fault ?? faults.get(row.key);
    return toFlagView(row, fault && faultText(fault));
  });
}

/** The same for one row. */
export async function readFlagView(db: Queryable, row: FlagRow): Promise<FlagView> {
  const [view] = await readFlagViews(db, [row]);
  return view ?? toFlagView(row, undefined);
}

function toFlagView(row: FlagRow, invalid: string | undefined): FlagView {
  const record = toFlagRecord(row);
  if (invalid === undefined) return record;
  const { targeting, gates, variants, requires } = record;
  return {
    ...record,
    targeting: cutBelow(targeting, MAX_DEPTH) as FlagRecord["targeting"],
    variants: cutBelow(variants, MAX_DEPTH) as FlagRecord["variants"],
    requires: cutBelow(requires, MAX_DEPTH) as FlagRecord["requires"],
    gates: cutBelow(gates, MAX_DEPTH) as FlagRecord["gates"],
    invalid,
  };
}

/** Cuts what is nested deeper than any valid content. */
export function cutBelow(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.map((item) => cutBelow(item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, cutBelow(item, depth - 1)]));
}
