import type { Explanation } from "../../shared/evaluate/explain.ts";
import type { Overrides } from "../../shared/flag/override.ts";
import type { DecidingRule } from "../../shared/flag/reason.ts";
import type { ExplainedRequirement } from "../../shared/evaluate/recorder.ts";
import type { OverrideAnswer } from "../schema/override-schema.ts";

type Effect = OverrideAnswer["flags"][number];

/** The steps that turn a flag off for every visitor. */
const NEVER: { readonly [rule in DecidingRule]?: string } = {
  off: "it was killed",
  enabled: "it is switched off",
};

/**
 * Whether an override of one flag has an effect now, for any visitor who opens the link.
 *
 * @param explanation of the flag under the overrides, for a visitor with an anonymous id only
 * @param invalid why the flag's row is invalid, if it is
 */
export function effectOf(
  { key, decision, steps, bucketing }: Explanation,
  overrides: Overrides,
  invalid: string | undefined,
): Effect {
  const effect = { flag_key: key, forced: overrides.get(key) ?? "" };
  const { rule } = decision;
  if (rule === undefined) return { ...effect, in_force: "never", detail: invalid ?? "it is not valid" };
  const never = NEVER[rule];
  if (never !== undefined) return { ...effect, in_force: "never", detail: never };
  const needs = steps.flatMap(({ requirements = [] }) => requirements);
  const open = needs.filter((one) => !one.met || !isSure(one, overrides));
  if (open.length > 0) {
    const in_force = open.some(isNever) ? "never" : "depends";
    return { ...effect, in_force, detail: open.map((one) => needInWords(one, overrides)).join("; ") };
  }
  if (rule === "variants") {
    const detail = `its variant depends on ${bucketing?.bucketBy ?? "an attribute"}, which not every visitor has: name a variant`;
    return { ...effect, in_force: "depends", detail };
  }
  return { ...effect, in_force: "always" };
}

/** Whether every visitor meets a prerequisite, and not only the visitor of the explanation. */
function isSure({ flag, decision }: ExplainedRequirement, overrides: Overrides): boolean {
  return overrides.has(flag) || decision.reason === "STATIC";
}

function isNever({ met, decision }: ExplainedRequirement): boolean {
  return !met && (decision.rule === undefined || NEVER[decision.rule] !== undefined);
}

function needInWords(requirement: ExplainedRequirement, overrides: Overrides): string {
  const { flag, variant, decision } = requirement;
  const wanted = variant === undefined ? flag : `${flag} with ${variant}`;
  if (decision.rule === undefined) return `it needs ${wanted}, which is not valid`;
  const never = NEVER[decision.rule]?.replace("it ", "which ");
  if (never !== undefined) return `it needs ${wanted}, ${never}`;
  if (overrides.has(flag))
    return `it needs ${wanted}, which is off or has another variant under this override`;
  return `it needs ${wanted}, which not every visitor has: name ${flag} as well, like ${flag}=${variant ?? "on"}`;
}
