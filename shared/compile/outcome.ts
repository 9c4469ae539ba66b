import type { VariantDefinition } from "./compile-variants.ts";
import type { DecidingRule, Decision, ErrorCode, Reason } from "../flag/reason.ts";

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

/**
 * Decisions that name neither a variant nor a rule's id, by what they say: a few dozen in all, each the same for every
 * flag. A snapshot of ten thousand flags would else hold seven of them for each.
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

/** Off, by a step that decided. */
export function decisionOff(reason: Reason, origin: Origin): Decision {
  const make = (): Decision => ({ value: false, variant: "off", reason, ...origin });
  return origin.ruleId === undefined ? once(`off ${reason} ${origin.rule}`, make) : Object.freeze(make());
}

/** Off, since something is wrong. */
export function decisionFailed(errorCode: ErrorCode, origin?: Origin): Decision {
  const make = (): Decision => ({ value: false, variant: "off", reason: "ERROR", errorCode, ...origin });
  return origin?.ruleId === undefined
    ? once(`failed ${errorCode} ${origin?.rule ?? ""}`, make)
    : Object.freeze(make());
}

/** What is the same for every flag. */
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

const drawnOf = (variants: readonly VariantDefinition[]): readonly VariantDefinition[] =>
  variants.filter(({ ranges }) => ranges.length > 0);

/** Whether a user's variant depends on the user. */
export const isDrawn = (variants: readonly VariantDefinition[]): boolean => drawnOf(variants).length > 1;

/** Makes the decisions of a way in that names no variant itself. */
export function waysIn(variants: readonly VariantDefinition[]): (reason: Reason, origin: Origin) => On {
  const drawn = drawnOf(variants);
  if (drawn.length > 1) {
    return (reason, origin) => variants.map((variant) => decisionOn(reason, origin, variant));
  }
  return (reason, origin) => [decisionOn(reason, origin, drawn[0])];
}
