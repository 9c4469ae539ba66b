/** Why a flag has its value, in OpenFeature's words (specification 0.8, types, "resolution reason"). */
export type Reason = "STATIC" | "TARGETING_MATCH" | "SPLIT" | "DISABLED" | "DEFAULT" | "STALE" | "ERROR";

/** OpenFeature's error codes, for the reason ERROR. */
export type ErrorCode =
  | "FLAG_NOT_FOUND"
  | "PARSE_ERROR"
  | "TYPE_MISMATCH"
  | "TARGETING_KEY_MISSING"
  | "INVALID_CONTEXT"
  | "GENERAL";

/** The step of the evaluation order that decided. */
export type DecidingRule =
  | "off"
  | "fail_mode"
  | "enabled"
  | "requires"
  | "override"
  | "allowlist"
  | "blocklist"
  | "plans"
  | "employees_only"
  | "rules"
  | "rollout_pct"
  | "variants";

/** The result of evaluating one flag for one context. */
export interface Decision {
  /** Whether the flag is on. */
  readonly value: boolean;
  /** A boolean flag: "on" or "off". A flag with variants: the variant's key, or "off". */
  readonly variant: string;
  /** The variant's JSON value. Absent when it has none. */
  readonly variantValue?: unknown;
  readonly reason: Reason;
  /** Absent when the flag is unknown or invalid. */
  readonly rule?: DecidingRule;
  /** The id of the flag's rule, when `rule` is "rules". */
  readonly ruleId?: string;
  readonly errorCode?: ErrorCode;
}
