import { compileSegments } from "../../shared/compile/compile-segments.ts";
import { faultText, type Fault } from "../../shared/flag/fault.ts";
import { orderFlags } from "../../shared/compile/order-flags.ts";
import { toFlagRecord, type FlagRecord, type FlagRow } from "../postgres/flag-record.ts";
import { readRelations, requirementsOf } from "../postgres/flag-relations.ts";
import { judgeFlag } from "../publish/judge-flag.ts";
import { only, type Queryable } from "../postgres/postgres.ts";
import { readSegmentsNamed, rulesOf, segmentNamesIn } from "../postgres/segment-store.ts";
import { toSnapshotSegment } from "../publish/snapshot-segment.ts";

/** A flag as people see it. `invalid` says why the edge keeps it off, when plain SQL has broken it. */
export type FlagView = FlagRecord & { readonly invalid?: string };

/** Deeper than any valid member. Plain SQL can nest so deep that JSON.stringify fails. */
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
  return rows.map((row, index) =>
    showInvalid(toFlagRecord(row), definitions[index]?.fault ?? faults.get(row.key)),
  );
}

export async function readFlagView(db: Queryable, row: FlagRow): Promise<FlagView> {
  return only(await readFlagViews(db, [row]));
}

/** Says why a record is invalid, and cuts what could not be written as JSON. */
export function showInvalid<T extends object>(
  record: T,
  fault: Fault | undefined,
): T & { readonly invalid?: string } {
  if (fault === undefined) return record;
  return { ...(cutBelow(record, MAX_DEPTH + 1) as T), invalid: faultText(fault) };
}

function cutBelow(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.map((item) => cutBelow(item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, cutBelow(item, depth - 1)]));
}
