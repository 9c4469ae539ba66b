import type { ConditionObject } from "../../shared/flag/flag.ts";
import { toTimestamp } from "./timestamp.ts";

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
