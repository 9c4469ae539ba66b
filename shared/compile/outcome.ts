import type { VariantDefinition } from "./compile-variants.ts";
import type { DecidingRule, Decision, ErrorCode, Reason } from "../flag/reason.ts";

/**
 * The decisions of a step that turns a flag on: one, or one for each variant by position. Decisions are created and frozen
 * when a snapshot is compiled, so a request allocates none.
 */
export type On = readonly Decision[];

/** The step, and the rule if any, that a decision comes from. */
export interface Origin {
  readonly rule: DecidingRule;
  readonly ruleId?: string;
}

/**
 * Shared decisions without a variant and a rule id, by content: a few dozen in all. Without sharing, every flag of a
 * snapshot would have seven of its own.
 */
const plain = new Map<string, Decision>();

function once(name: string, make: () => Decision): Decision {
  const decision = plain.get(name) ?? Object.freeze(make());
  plain.set(name, decision);
  return decision;
}

/** On, for a boolean flag or with a variant. */
export function decisionOn(reason: Reason, origin: Origin, variant?: VariantDefinition): Decision {
  if (variant === undefined && origin.ruleId === undefined) {
    return once(`on ${reason} ${origin.rule}`, () => ({ value: true, variant: "on", reason, ...origin }));
  }
  return Object.freeze({
    value: true,
    variant: variant?.key ?? "on",
    ...(variant !== undefined && "value" in variant && { variantValue: variant.value }),
    reason,
    ...origin,
  });
}

/** Off, by a step of the evaluation order. */
export function decisionOff(reason: Reason, origin: Origin): Decision {
  const make = (): Decision => ({ value: false, variant: "off", reason, ...origin });
  return origin.ruleId === undefined ? once(`off ${reason} ${origin.rule}`, make) : Object.freeze(make());
}

/** Off, because of an error. */
export function decisionFailed(errorCode: ErrorCode, origin?: Origin): Decision {
  const make = (): Decision => ({ value: false, variant: "off", reason: "ERROR", errorCode, ...origin });
  return origin?.ruleId === undefined
    ? once(`failed ${errorCode} ${origin?.rule ?? ""}`, make)
    : Object.freeze(make());
}

/** Decisions that are the same for every flag. */
export const NOT_FOUND = decisionFailed("FLAG_NOT_FOUND");
export const BROKEN = decisionFailed("PARSE_ERROR");
export const KILLED = decisionOff("DISABLED", { rule: "off" });
export const STALE = decisionOff("STALE", { rule: "fail_mode" });
export const DISABLED = decisionOff("DISABLED", { rule: "enabled" });
export const UNMET = decisionOff("TARGETING_MATCH", { rule: "requires" });
export const FORCED_OFF = decisionOff("TARGETING_MATCH", { rule: "override" });
export const BLOCKED = decisionOff("TARGETING_MATCH", { rule: "blocklist" });
export const OTHER_PLAN = decisionOff("TARGETING_MATCH", { rule: "plans" });
export const NO_EMPLOYEE = decisionOff("TARGETING_MATCH", { rule: "employees_only" });
export const NO_VARIANT_ID = decisionFailed("TARGETING_KEY_MISSING", { rule: "variants" });

const withShare = (variants: readonly VariantDefinition[]): readonly VariantDefinition[] =>
  variants.filter(({ ranges }) => ranges.length > 0);

/** Whether users get different variants: more than one variant has a share. */
export const isSplit = (variants: readonly VariantDefinition[]): boolean => withShare(variants).length > 1;

/** Returns the maker of decisions for steps that name no variant: one decision per variant, or only one. */
export function onDecisions(variants: readonly VariantDefinition[]): (reason: Reason, origin: Origin) => On {
  if (isSplit(variants)) {
    return (reason, origin) => variants.map((variant) => decisionOn(reason, origin, variant));
  }
  const [only] = withShare(variants);
  return (reason, origin) => [decisionOn(reason, origin, only)];
}
