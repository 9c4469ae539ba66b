import type { FailMode, Requirement, Targeting, Variant } from "../../shared/flag/flag.ts";

/** What a page does while its flag is off. */
export type GateAction =
  | { readonly rewrite: string }
  | { readonly redirect: string; readonly status: 302 | 303 | 307 }
  | { readonly status: 403 | 404 | 410 };

/** Pages that only those see for whom the flag is on. */
export interface Gate {
  /** URLPattern on the normalised pathname. */
  readonly pattern: string;
  readonly otherwise: GateAction;
}

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
  /** What buckets are drawn with; null: the key. */
  readonly salt: string | null;
  /** None: the flag is boolean. */
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

/** A row of `feature_flags` as pg gives it: numeric as a string, timestamps as Date, jsonb unchecked. */
export interface FlagRow {
  readonly id: string;
  readonly key: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly rollout_pct: string;
  readonly targeting: unknown;
  readonly bucket_by: string;
  readonly salt: string | null;
  readonly variants: unknown;
  /** The allocation that was saved last; see `allocateVariants`. */
  readonly variant_ranges: unknown;
  readonly requires: unknown;
  readonly gates: unknown;
  readonly fail_mode: string;
  readonly in_header: boolean;
  readonly client_visible: boolean;
  readonly owner: string;
  readonly tags: string[];
  readonly archived_at: Date | number | null;
  readonly created_at: Date | number;
  readonly updated_at: Date | number;
}

/**
 * A row for people: shown as it is, broken or not, so that whoever put it there by SQL sees what is wrong.
 * What the edge makes of it is `judgeFlag`'s affair.
 */
export function toFlagRecord(row: FlagRow): FlagRecord {
  const { variant_ranges: _, ...shown } = row;
  return {
    ...shown,
    rollout_pct: Number(row.rollout_pct),
    targeting: row.targeting as Targeting,
    variants: row.variants as readonly Variant[],
    requires: row.requires as readonly Requirement[],
    gates: row.gates as readonly Gate[],
    fail_mode: row.fail_mode as FailMode,
    archived_at: row.archived_at === null ? null : toTimestamp(row.archived_at),
    created_at: toTimestamp(row.created_at),
    updated_at: toTimestamp(row.updated_at),
  };
}

/** A time for people. Postgres knows times that JavaScript does not: pg gives "infinity" as a number. */
export function toTimestamp(time: Date | number): string {
  const milliseconds = Number(time);
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : String(time);
}
