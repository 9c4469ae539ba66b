import type { VariantDefinition } from "./compile-variants.ts";
import { decisionOn, type On, type Origin } from "./outcome.ts";
import type { Reason } from "../flag/reason.ts";

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
