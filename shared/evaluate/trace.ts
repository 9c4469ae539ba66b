import type { Comparison } from "../condition/comparison.ts";
import type { CompiledRequirement, Draw, Share } from "../compile/compiled.ts";
import type { DecidingRule, Decision } from "../flag/reason.ts";

/**
 * Hears of every step of a decision while it is made. A decision without a listener makes nothing for one.
 */
export interface DecisionTrace {
  /** A step begins; of the rules each one is a step of its own. */
  step(step: DecidingRule, ruleId?: string): void;
  /** A function by itself: conditions take it as it is. */
  readonly comparison: (comparison: Comparison) => void;
  /** Whether the rule whose step this is matched, or the flag has what an override asks for. */
  matched(isMatch: boolean): void;
  requirement(requirement: CompiledRequirement, decision: Decision, isMet: boolean): void;
  /** A place is measured against a share; -1 when there is no id, or no place was needed. */
  share(share: Share, u32: number): void;
  /** A variant is drawn. */
  draw(draw: Draw, u32: number, piece: number, decision: Decision): void;
}
