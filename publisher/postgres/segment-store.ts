import { only, type Queryable } from "./postgres.ts";
import { KEY_PATTERN, type ConditionObject } from "../../shared/flag/flag.ts";
import { toTimestamp } from "./flag-record.ts";
import { isObject } from "../../shared/flag/members.ts";

/** A segment as the admin API shows it. */
export interface SegmentRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Values of the attribute that a rule asks about. */
  readonly ids: readonly string[];
  /** On the whole context; null: the ids alone. */
  readonly condition: ConditionObject | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A row of `segments` as pg gives it: timestamps as Date, jsonb unchecked. */
export interface SegmentRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly ids: readonly string[];
  readonly condition: unknown;
  readonly created_at: Date | number;
  readonly updated_at: Date | number;
}

/** A row for people: shown as it is, broken or not. */
export function toSegmentRecord(row: SegmentRow): SegmentRecord {
  return {
    ...row,
    condition: row.condition as ConditionObject | null,
    created_at: toTimestamp(row.created_at),
    updated_at: toTimestamp(row.updated_at),
  };
}

export const SEGMENT_COLUMNS = "id, name, description, ids, condition, created_at, updated_at";

/** What may be set of a segment; what is absent stays, or has its column's default. */
export interface SegmentColumns {
  readonly description?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  /** Null: the ids alone. */
  readonly condition?: object | null | undefined;
}

/** All segments, by name. */
export async function readSegments(db: Queryable): Promise<readonly SegmentRow[]> {
  const { rows } = await db.query<SegmentRow>(
    `SELECT ${SEGMENT_COLUMNS} FROM segments ORDER BY name COLLATE "C"`,
  );
  return rows;
}

/** The segments of these names that are there. */
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

/** One segment, kept as it is until the transaction's end, or undefined. */
export async function lockSegment(db: Queryable, name: string): Promise<SegmentRow | undefined> {
  const { rows } = await db.query<SegmentRow>(
    `SELECT ${SEGMENT_COLUMNS} FROM segments WHERE name = $1 FOR UPDATE`,
    [name],
  );
  return rows[0];
}

/** Inserts a segment. A name that is taken fails with Postgres' unique_violation. */
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

/** Changes a segment that is there. */
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
 * By segment the flags whose rules ask for it, by key.
 *
 * @param name only this one, when it is given
 */
export async function readSegmentUses(
  db: Queryable,
  name?: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  // The text only leaves most flags out: what it finds may stand elsewhere in a condition.
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
 * The segments that rules ask for.
 *
 * @param rules unchecked, however deep: plain SQL may have put them there
 */
export function segmentNamesIn(rules: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  // No recursion: what is nested deeper than any condition may be must not exhaust the engine's stack.
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

/** The rules of a targeting, unchecked like it. */
export function rulesOf(targeting: unknown): unknown {
  return isObject(targeting) ? targeting["rules"] : undefined;
}
