/**
 * Flag keys, salts, variant keys, ids of rules and segment names. A legal RFC 9651 dictionary key that needs no quoting
 * anywhere, and without ":" so that the hash input `<salt>::<id>` is unambiguous.
 */
export const KEY_PATTERN = /^[a-z][a-z0-9_-]{0,63}$/;

/** What a text that is none of these is told. */
export const KEY_FORM =
  "must begin with a lower-case letter and hold only a-z, 0-9, _ and -, at most 64 characters";

/** A way to an attribute of the evaluation context: names with dots between them. */
export const ATTRIBUTE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$/;

/** The longest such way, in characters. */
export const MAX_ATTRIBUTE_PATH = 128;

/** What a flag buckets by unless it says otherwise. */
export const DEFAULT_BUCKET_BY = "targetingKey";

/** How much a flag may hold. */
export const MAX_RULES = 100;
export const MAX_RULE_DESCRIPTION = 200;
export const MAX_VARIANTS = 20;
export const MAX_REQUIRES = 20;
export const MAX_WEIGHT = 10_000;
/** Of a variant's value as JSON.stringify writes it, in bytes of UTF-8. */
export const MAX_VALUE_BYTES = 4_096;
/** Arrays and objects around each other in a variant's value. */
export const MAX_VALUE_DEPTH = 10;
/** Parts of all conditions of one flag together; see `compileCondition`. */
export const MAX_CONDITION_NODES = 1_000;
/** How much a segment may hold. */
export const MAX_SEGMENT_IDS = 10_000;
export const MAX_SEGMENT_ID = 256;

/** A condition on attributes, in MongoDB's style; `compileCondition` judges it. `{}` matches everybody. */
export type ConditionObject = { readonly [name: string]: unknown };

/** What a rule leads to: a share of those who match, one variant for all of them, or off. */
export type RuleOutcome =
  | { readonly rollout_pct: number; readonly variant?: never; readonly off?: never }
  | { readonly variant: string; readonly rollout_pct?: never; readonly off?: never }
  | { readonly off: true; readonly rollout_pct?: never; readonly variant?: never };

/** One rule; the first of a flag's rules whose condition matches decides. */
export type Rule = {
  /** `KEY_PATTERN`, unique in the flag. */
  readonly id: string;
  /** For people; not in the snapshot. */
  readonly description?: string;
  readonly if: ConditionObject;
  /** The attribute whose value buckets for this rule's percentage; absent: the flag's. */
  readonly bucket_by?: string;
} & RuleOutcome;

/** Whom a flag is for, before the percentage is asked. Every member narrows or names people; absent means "no say". */
export interface Targeting {
  /** User ids that are in, whatever the percentage says. */
  readonly allowlist?: readonly string[];
  /** User ids that are out, whatever the percentage says. */
  readonly blocklist?: readonly string[];
  /** Only users on one of these plans go on to the rules and the percentage. */
  readonly plans?: readonly string[];
  /** In exactly when the user is an employee; no rules and no percentage after it. */
  readonly employees_only?: boolean;
  /** Asked in order; the percentage is for those whom none of them matches. */
  readonly rules?: readonly Rule[];
}

/** A share of all users, from (inclusive) to (exclusive), in ten-thousandths. */
export type Range = readonly [from: number, to: number];

/** A variant as people write it. */
export interface Variant {
  /** `KEY_PATTERN`, unique in the flag, not "off". */
  readonly key: string;
  /** 0 to 10,000, relative to the other variants' weights. */
  readonly weight: number;
  /** Any JSON. */
  readonly value?: unknown;
}

/** A variant as the snapshot carries it. The ranges of all variants of a flag together cover 0 to 10,000 exactly once. */
export interface SnapshotVariant {
  readonly key: string;
  readonly ranges: readonly Range[];
  readonly value?: unknown;
}

/** Another flag that has to be on, with that variant if one is named. */
export interface Requirement {
  readonly flag: string;
  readonly variant?: string;
}

/** What a reader does with a flag once its snapshot is older than MAX_STALE_MS. */
export type FailMode = "off" | "last-known";

export const FAIL_MODES: readonly FailMode[] = ["off", "last-known"];

/** A flag as the snapshot carries it. Members that hold their default are left out to keep it small. */
export interface SnapshotFlag {
  readonly key: string;
  /** The kill switch: false is off for everybody. */
  readonly enabled: boolean;
  /** 0.00 to 100.00, two decimals. */
  readonly rollout_pct: number;
  readonly targeting?: Targeting;
  /** Absent: "off". */
  readonly fail_mode?: FailMode;
  /** Absent: the flag's key. Draws another population for the same percentage. */
  readonly salt?: string;
  /** The attribute whose value is the bucketing id. Absent: `targetingKey`. */
  readonly bucket_by?: string;
  /** Absent: the flag is boolean. */
  readonly variants?: readonly SnapshotVariant[];
  /** Absent: no other flag is needed. */
  readonly requires?: readonly Requirement[];
  /** Absent: true. False keeps the flag out of `x-flags`. */
  readonly in_header?: boolean;
  /** Absent: false. True lets a front end hand the flag to the browser. */
  readonly client_visible?: boolean;
  /** The row came in broken (by SQL): why. Such a flag is off with ERROR and carries nothing else but its key. */
  readonly invalid?: string;
}

/** A named group of people that conditions ask for by `$inGroup`, as the snapshot carries it. */
export interface Segment {
  /** `KEY_PATTERN`. */
  readonly name: string;
  /** Values of the attribute that is asked about. */
  readonly ids?: readonly string[];
  /** On the whole context; it may not ask for segments in turn. */
  readonly condition?: ConditionObject;
  /** The row came in broken (by SQL): why. */
  readonly invalid?: string;
}
