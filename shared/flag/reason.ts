/** Why a flag has its value: OpenFeature's words (specification 0.8, types, "resolution reason"). */
export type Reason = "STATIC" | "TARGETING_MATCH" | "SPLIT" | "DISABLED" | "DEFAULT" | "STALE" | "ERROR";

/** What went wrong, beside the reason ERROR: OpenFeature's error codes. */
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

/** What one flag is for one evaluation context. */
export interface Decision {
  /** Whether the flag is on. */
  readonly value: boolean;
  /** "on" or "off" for a boolean flag; for one with variants the variant's key, or "off". */
  readonly variant: string;
  /** The variant's JSON value, when it has one. */
  readonly variantValue?: unknown;
  readonly reason: Reason;
  /** Absent when no rule was reached: the flag is unknown or broken. */
  readonly rule?: DecidingRule;
  /** Which of the flag's rules, when `rule` is "rules". */
  readonly ruleId?: string;
  readonly errorCode?: ErrorCode;
}
