import type { VariantDefinition } from "./compile-variants.ts";
import type { DecidingRule, Decision, ErrorCode, Reason } from "./reason.ts";

/**
 * What it means to be in by one way: one decision, or one for each of the flag's variants, of which the user's is drawn.
 * Decisions are made when a snapshot is compiled, and frozen: a request allocates none.
 */
export type On = readonly Decision[];

/** Where a decision comes from. */
export interface Origin {
  readonly rule: DecidingRule;
  readonly ruleId?: string;
}

/** On, for a boolean flag or with a variant. */
export const decisionOn = (reason: Reason, origin: Origin, variant?: VariantDefinition): Decision =>
  Object.freeze({
    value: true,
    variant: variant?.key ?? "on",
    ...(variant !== undefined && "value" in variant && { variantValue: variant.value }),
    reason,
    ...origin,
  });

/** Off, by a step that decided. */
export const decisionOff = (reason: Reason, origin: Origin): Decision =>
  Object.freeze({ value: false, variant: "off", reason, ...origin });

/** Off, since something is wrong. */
export const decisionFailed = (errorCode: ErrorCode, origin?: Origin): Decision =>
  Object.freeze({ value: false, variant: "off", reason: "ERROR", errorCode, ...origin });

/** What is the same for every flag. */
export const NOT_FOUND = decisionFailed("FLAG_NOT_FOUND");
export const BROKEN = decisionFailed("PARSE_ERROR");
export const KILLED = decisionOff("DISABLED", { rule: "off" });
export const STALE = decisionOff("STALE", { rule: "fail_mode" });
export const DISABLED = decisionOff("DISABLED", { rule: "enabled" });
export const UNMET = decisionOff("TARGETING_MATCH", { rule: "requires" });
export const BLOCKED = decisionOff("TARGETING_MATCH", { rule: "blocklist" });
export const OTHER_PLAN = decisionOff("TARGETING_MATCH", { rule: "plans" });
export const NO_EMPLOYEE = decisionOff("TARGETING_MATCH", { rule: "employees_only" });
export const NO_VARIANT_ID = decisionFailed("TARGETING_KEY_MISSING", { rule: "variants" });
