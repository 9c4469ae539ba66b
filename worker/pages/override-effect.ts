import { decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { Overrides } from "../../shared/flag/override.ts";
import type { DecidingRule } from "../../shared/flag/reason.ts";
import type { Evaluation } from "../decide/evaluation.ts";

/** What an override asks for one flag, and what holds against it; undefined when it is in force. */
export interface OverrideEffect {
  readonly key: string;
  readonly forced: string;
  readonly against: string | undefined;
}

/** By the step that decided instead. */
const AGAINST: { readonly [rule in DecidingRule]?: string } = {
  off: "it was killed",
  fail_mode: "the flags are too old",
  enabled: "it is switched off",
  requires: "a flag that it needs is off here",
  variants: "its variant is drawn by something that is not known of you",
};

/** What an override does for one visitor, flag by flag. */
export function effectsOf(
  overrides: Overrides,
  { decided, reading }: Pick<Evaluation, "decided" | "reading">,
): readonly OverrideEffect[] {
  return [...overrides].map(([key, forced]) => ({ key, forced, against: against(key) }));

  function against(key: string): string | undefined {
    if (decided === undefined || reading.cached === undefined) return "no flags are held at the moment";
    const { rule, errorCode } = decisionOf(decided.compiled, decided.decisions, key);
    if (rule === "override") return undefined;
    if (errorCode === "FLAG_NOT_FOUND") return "there is no such flag";
    if (rule === undefined) return "it is not valid";
    return AGAINST[rule] ?? "it has no such variant";
  }
}
