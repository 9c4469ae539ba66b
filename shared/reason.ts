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
  | "enabled"
  | "allowlist"
  | "blocklist"
  | "plans"
  | "employees_only"
  | "rollout_pct";

/** What one flag is for one evaluation context. */
export interface Decision {
  readonly value: boolean;
  readonly variant: "on" | "off";
  readonly reason: Reason;
  /** Absent when no rule was reached: the flag is unknown or broken. */
  readonly rule?: DecidingRule;
  readonly errorCode?: ErrorCode;
}
