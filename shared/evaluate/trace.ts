import type { CompiledRequirement, Share, VariantSplit } from "../compile/compiled.ts";
import type { Comparison } from "../condition/comparison.ts";
import type { DecidingRule, Decision } from "../flag/reason.ts";

/** Receives every step of a decision as it is made. Decisions without a trace allocate nothing for one. */
export interface DecisionTrace {
  /** A step begins. Every rule is a step of its own. */
  step(step: DecidingRule, ruleId?: string): void;
  /** A function property, because conditions call it without its object. */
  readonly comparison: (comparison: Comparison) => void;
  /** Whether the current rule's condition matched, or the flag has the variant that an override names. */
  matched(isMatch: boolean): void;
  requirement(requirement: CompiledRequirement, decision: Decision, isMet: boolean): void;
  /** The user's bucket is compared with a percentage. `u32` is -1 without an id, and at 0 % and 100 %. */
  share(share: Share, u32: number): void;
  /** The user is assigned to a variant. `piece` is the index in `split.ends`, or -1 without an id. */
  variant(split: VariantSplit, u32: number, piece: number, decision: Decision): void;
}
