import { only, type Queryable } from "./postgres.ts";
import { KEY_PATTERN, type ConditionObject } from "../../shared/flag/flag.ts";
import { toTimestamp } from "./flag-record.ts";
import { isObject } from "../../shared/flag/members.ts";

/** A segment as the admin API shows it. */
export interface SegmentRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Values of the attribute that a rule compares. */
  readonly ids: readonly string[];
  /** A condition on the whole context; null: only the ids count. */
  readonly condition: ConditionObject | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A row of `segments` as pg returns it: timestamps as Date, jsonb unchecked. */
export interface SegmentRow extends Omit<SegmentRecord, "condition" | "created_at" | "updated_at"> {
  readonly condition: unknown;
  readonly created_at: Date | number;
  readonly updated_at: Date | number;
}

/** Shows a row to people as it is, even if it is broken. */
export function toSegmentRecord(row: SegmentRow): SegmentRecord {
  return {
    ...row,
    condition: row.condition as ConditionObject | null,
    created_at: toTimestamp(row.created_at),
    updated_at: toTimestamp(row.updated_at),
  };
}

export const SEGMENT_COLUMNS = "id, name, description, ids, condition, created_at, updated_at";

/** The columns that a write sets. An absent one keeps its value, or gets the default of its column. */
export type SegmentColumns = {
  readonly [Name in "description" | "ids" | "condition"]?: SegmentRow[Name] | undefined;
};

/** All segments, by name. */
export async function readSegments(db: Queryable): Promise<readonly SegmentRow[]> {
  const { rows } = await db.query<SegmentRow>(
    `SELECT ${SEGMENT_COLUMNS} FROM segments ORDER BY name COLLATE "C"`,
  );
  return rows;
}

/** The segments with these names, as far as they exist. */
export async function readSegmentsNamed(
  db: Queryable,
  names: ReadonlySet<string>,
): Promise<readonly SegmentRow[]> {
  if (names.size === 0) return [];
  const { rows } = await db.query<SegmentRow>(
    `SELECT ${SEGMENT_COLUMNS} FROM segments WHERE name = ANY ($1)`,
    [[...names]],
  );
  return rows;
}

/** Reads a segment and locks its row; undefined if it does not exist. */
export async function lockSegment(db: Queryable, name: string): Promise<SegmentRow | undefined> {
  const { rows } = await db.query<SegmentRow>(
    `SELECT ${SEGMENT_COLUMNS} FROM segments WHERE name = $1 FOR UPDATE`,
    [name],
  );
  return rows[0];
}

/** Inserts a segment. A name that exists fails with Postgres' unique_violation. */
export async function insertSegment(
  db: Queryable,
  name: string,
  columns: SegmentColumns,
): Promise<SegmentRow> {
  const { description = "", ids = [], condition = null } = columns;
  const { rows } = await db.query<SegmentRow>(
    `INSERT INTO segments (name, description, ids, condition) VALUES ($1, $2, $3, $4) RETURNING ${SEGMENT_COLUMNS}`,
    [name, description, ids, toJson(condition)],
  );
  return only(rows);
}

/** Changes an existing segment. */
export async function updateSegment(
  db: Queryable,
  row: SegmentRow,
  columns: SegmentColumns,
): Promise<SegmentRow> {
  const { description = row.description, ids = row.ids, condition = row.condition } = columns;
  const { rows } = await db.query<SegmentRow>(
    `UPDATE segments SET description = $2, ids = $3, condition = $4 WHERE name = $1 RETURNING ${SEGMENT_COLUMNS}`,
    [row.name, description, ids, toJson(condition)],
  );
  return only(rows);
}

export async function deleteSegment(db: Queryable, name: string): Promise<void> {
  await db.query("DELETE FROM segments WHERE name = $1", [name]);
}

/**
 * The keys of the flags whose rules use a segment, by segment.
 *
 * @param name only this segment
 */
export async function readSegmentUses(
  db: Queryable,
  name?: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  // The text search only excludes most flags: a match may be elsewhere in a condition.
  const { rows } = await db.query<{ key: string; targeting: unknown }>(
    `SELECT key, targeting FROM feature_flags
     WHERE (targeting::text LIKE '%$inGroup%' OR targeting::text LIKE '%$notInGroup%')
       AND ($1::text IS NULL OR position('"' || $1 || '"' IN targeting::text) > 0)
     ORDER BY key`,
    [name ?? null],
  );
  const uses = new Map<string, string[]>();
  for (const { key, targeting } of rows) {
    for (const segment of segmentNamesIn(rulesOf(targeting))) {
      uses.set(segment, [...(uses.get(segment) ?? []), key]);
    }
  }
  return uses;
}

const toJson = (condition: unknown): string | null => (condition === null ? null : JSON.stringify(condition));

const OPERATORS: ReadonlySet<string> = new Set(["$inGroup", "$notInGroup"]);

/**
 * The names of the segments that rules use.
 *
 * @param rules unchecked and of any depth: plain SQL may have written them
 */
export function segmentNamesIn(rules: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  // No recursion: rules by plain SQL may be nested so deep that the stack overflows.
  const open: unknown[] = [rules];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) {
      for (const item of value) open.push(item);
    } else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) {
        if (OPERATORS.has(name) && typeof member === "string" && KEY_PATTERN.test(member)) names.add(member);
        else open.push(member);
      }
    }
  }
  return names;
}

/** The rules of a targeting, both unchecked. */
export function rulesOf(targeting: unknown): unknown {
  return isObject(targeting) ? targeting["rules"] : undefined;
}
