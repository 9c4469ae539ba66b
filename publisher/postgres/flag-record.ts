import type { FailMode, Requirement, Targeting, Variant } from "../../shared/flag/flag.ts";
import type { Gate } from "../../shared/gate/gate.ts";

/** A flag as the admin API shows it. */
export interface FlagRecord {
  readonly id: string;
  readonly key: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly rollout_pct: number;
  readonly targeting: Targeting;
  /** The attribute whose value is the bucketing id. */
  readonly bucket_by: string;
  /** Hashed with the bucketing id; null: the key. Another salt re-randomizes the rollout. */
  readonly salt: string | null;
  /** Empty: the flag is boolean. */
  readonly variants: readonly Variant[];
  readonly requires: readonly Requirement[];
  readonly gates: readonly Gate[];
  readonly fail_mode: FailMode;
  readonly in_header: boolean;
  readonly client_visible: boolean;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly archived_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

type JsonColumn = "targeting" | "variants" | "requires" | "gates";
type TimeColumn = "archived_at" | "created_at" | "updated_at";

/** A row of `feature_flags` as pg returns it: numeric as a string, timestamps as Date, jsonb unchecked. */
export interface FlagRow extends Omit<FlagRecord, JsonColumn | TimeColumn | "rollout_pct" | "fail_mode"> {
  readonly rollout_pct: string;
  readonly targeting: unknown;
  readonly variants: unknown;
  /** The ranges of buckets that were saved last; see `allocateVariants`. */
  readonly variant_ranges: unknown;
  readonly requires: unknown;
  readonly gates: unknown;
  readonly fail_mode: string;
  /** pg returns "infinity" as a number. */
  readonly archived_at: Date | number | null;
  readonly created_at: Date | number;
  readonly updated_at: Date | number;
}

/**
 * Shows a row to people as it is, even if it is broken, so that the author of the plain SQL sees the mistake.
 * `judgeFlag` decides how the edge treats it.
 */
export function toFlagRecord(row: FlagRow): FlagRecord {
  const { variant_ranges: _, ...shown } = row;
  return {
    ...(shown as typeof shown & Pick<FlagRecord, JsonColumn | "fail_mode">),
    rollout_pct: Number(row.rollout_pct),
    archived_at: row.archived_at === null ? null : toTimestamp(row.archived_at),
    created_at: toTimestamp(row.created_at),
    updated_at: toTimestamp(row.updated_at),
  };
}

/** A time for people. JavaScript has no date for some of Postgres' times, such as "infinity". */
export function toTimestamp(time: Date | number): string {
  const milliseconds = Number(time);
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : String(time);
}
