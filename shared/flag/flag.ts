/**
 * The form of flag keys, salts, variant keys, rule ids and segment names. It is a legal RFC 9651 dictionary key that never
 * needs quoting. It contains no ":", so the hash input `<salt>::<id>` is unambiguous.
 */
export const KEY_PATTERN = /^[a-z][a-z0-9_-]{0,63}$/;

/** The error text for anything else. */
export const KEY_FORM =
  "must begin with a lower-case letter and contain only a-z, 0-9, _ and -, at most 64 characters";

export const isKey = (value: unknown): value is string =>
  typeof value === "string" && KEY_PATTERN.test(value);

/** A path to an attribute of the evaluation context: names joined by dots. */
export const ATTRIBUTE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$/;

/** The longest path to an attribute, in UTF-16 units. */
export const MAX_ATTRIBUTE_PATH = 128;

/** The attribute that a flag without `bucket_by` buckets by. */
export const DEFAULT_BUCKET_BY = "targetingKey";

/** Limits of a flag. */
export const MAX_RULES = 100;
export const MAX_RULE_DESCRIPTION = 200;
export const MAX_VARIANTS = 20;
export const MAX_REQUIRES = 20;
export const MAX_WEIGHT = 10_000;
/** The size of a variant's value: bytes of UTF-8 in JSON.stringify's output. */
export const MAX_VALUE_BYTES = 4_096;
/** Nested arrays and objects in a variant's value. */
export const MAX_VALUE_DEPTH = 10;
/** Operators and compared values in all conditions of one flag; see `compileCondition`. */
export const MAX_CONDITION_NODES = 1_000;
/** Limits of a segment. */
export const MAX_SEGMENT_IDS = 10_000;
export const MAX_SEGMENT_ID = 256;

/** A condition on attributes, in MongoDB's style, unchecked; see `compileCondition`. `{}` matches everybody. */
export type ConditionObject = { readonly [name: string]: unknown };

/** The result of a rule for users who match: a percentage of them, one variant for all, or off. */
export type RuleOutcome =
  | { readonly rollout_pct: number; readonly variant?: never; readonly off?: never }
  | { readonly variant: string; readonly rollout_pct?: never; readonly off?: never }
  | { readonly off: true; readonly rollout_pct?: never; readonly variant?: never };

/** One rule. The first rule whose condition matches decides. */
export type Rule = {
  /** `KEY_PATTERN`, unique in the flag. */
  readonly id: string;
  /** For people only: not in the snapshot. */
  readonly description?: string;
  readonly if: ConditionObject;
  /** The attribute to bucket by for this rule's percentage. Absent: the flag's. */
  readonly bucket_by?: string;
} & RuleOutcome;

/** Who gets a flag, decided before the percentage. Absent members have no effect. */
export interface Targeting {
  /** User ids for which the flag is on, independent of the percentage. */
  readonly allowlist?: readonly string[];
  /** User ids for which the flag is off, independent of the percentage. */
  readonly blocklist?: readonly string[];
  /** For users on other plans the flag is off; rules and percentage apply to users on these plans only. */
  readonly plans?: readonly string[];
  /** On for employees and off for everybody else. Rules and percentage are ignored. */
  readonly employees_only?: boolean;
  /** Evaluated in order. The flag's percentage applies to users whom no rule matches. */
  readonly rules?: readonly Rule[];
}

/** A range of buckets: from (inclusive) to (exclusive), in ten-thousandths of all users. */
export type Range = readonly [from: number, to: number];

/** A variant as the API takes it. */
export interface Variant {
  /** `KEY_PATTERN`, unique in the flag, not "off". */
  readonly key: string;
  /** 0 to 10,000, relative to the other variants' weights. */
  readonly weight: number;
  /** Any JSON. */
  readonly value?: unknown;
}

/** A variant in the snapshot. The ranges of all variants of a flag cover 0 to 10,000 exactly once. */
export interface SnapshotVariant {
  readonly key: string;
  readonly ranges: readonly Range[];
  readonly value?: unknown;
}

/** A prerequisite: another flag that must be on, with this variant if one is named. */
export interface Requirement {
  readonly flag: string;
  readonly variant?: string;
}

/** The value of a flag when the snapshot is older than MAX_STALE_MS: off, or as the old snapshot says. */
export type FailMode = "off" | "last-known";

export const FAIL_MODES: readonly FailMode[] = ["off", "last-known"];

/** A flag in the snapshot. Members that have their default are left out to keep the snapshot small. */
export interface SnapshotFlag {
  readonly key: string;
  /** The kill switch: false is off for everybody. */
  readonly enabled: boolean;
  /** 0.00 to 100.00, two decimals. */
  readonly rollout_pct: number;
  readonly targeting?: Targeting;
  /** Absent: "off". */
  readonly fail_mode?: FailMode;
  /** Absent: the flag's key. Another salt re-randomizes which users are in the percentage. */
  readonly salt?: string;
  /** The attribute whose value is the bucketing id. Absent: `targetingKey`. */
  readonly bucket_by?: string;
  /** Absent: the flag is boolean. */
  readonly variants?: readonly SnapshotVariant[];
  /** Absent: no prerequisites. */
  readonly requires?: readonly Requirement[];
  /** Absent: true. False keeps the flag out of `x-flags`. */
  readonly in_header?: boolean;
  /** Absent: false. True: a front end may pass the flag on to the browser. */
  readonly client_visible?: boolean;
  /** Why the flag's row is invalid, after a write by SQL. The flag is off with ERROR and has no other member but its key. */
  readonly invalid?: string;
}

/** A segment in the snapshot: a named group of users that conditions refer to by `$inGroup`. */
export interface Segment {
  /** `KEY_PATTERN`. */
  readonly name: string;
  /** Values of the attribute that the condition names. */
  readonly ids?: readonly string[];
  /** Evaluated against the whole context. It must not refer to other segments. */
  readonly condition?: ConditionObject;
  /** Why the segment's row is invalid, after a write by SQL. */
  readonly invalid?: string;
}
