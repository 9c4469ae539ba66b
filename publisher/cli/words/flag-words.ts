import { z } from "zod";
import type { Flag } from "../api/answers.ts";
import type { Style } from "../terminal/paint.ts";
import { visible } from "../terminal/visible.ts";
import { counted, percentInWords } from "./amounts.ts";
import { conditionInWords } from "./condition-words.ts";

/** A rule that this CLI can edit. Unknown members are kept. */
export const rule = z.looseObject({
  id: z.string(),
  if: z.record(z.string(), z.unknown()),
  description: z.string().optional(),
  rollout_pct: z.number().optional(),
  variant: z.string().optional(),
  off: z.boolean().optional(),
  bucket_by: z.string().optional(),
});
export type Rule = z.output<typeof rule>;

/** Prerequisites that this CLI can edit. Unknown members are kept. */
export const requires = z.array(z.looseObject({ flag: z.string(), variant: z.string().optional() }));
export type Requirement = z.output<typeof requires>[number];

/** Targeting that this CLI can edit. */
export const targeting = z.strictObject({
  allowlist: z.array(z.string()).optional(),
  blocklist: z.array(z.string()).optional(),
  plans: z.array(z.string()).optional(),
  employees_only: z.boolean().optional(),
  rules: z.array(rule).optional(),
});
export type Targeting = z.output<typeof targeting>;

/** Gates that this CLI can edit. */
export const gates = z.array(
  z.strictObject({
    pattern: z.string(),
    otherwise: z.union([
      z.strictObject({ rewrite: z.string() }),
      z.strictObject({ redirect: z.string(), status: z.number().optional() }),
      z.strictObject({ status: z.number(), page: z.string().optional() }),
    ]),
  }),
);
export type Gate = z.output<typeof gates>[number];

/** The state of a flag in one word. */
export function stateOf(flag: Flag): { readonly text: string; readonly style: Style } {
  if (flag.invalid !== undefined) return { text: "invalid", style: "red" };
  if (flag.archived_at !== null) return { text: "archived", style: "dim" };
  return flag.enabled ? { text: "on", style: "green" } : { text: "off", style: "dim" };
}

/** The users of a flag, in a few words. */
export function audienceOf(flag: Flag): string {
  const parsed = targeting.safeParse(flag.targeting);
  const needed = requires.safeParse(flag.requires);
  if (!parsed.success || !needed.success) return "not valid";
  const { allowlist = [], blocklist = [], plans, employees_only: employeesOnly, rules = [] } = parsed.data;
  const base = [
    ...(employeesOnly === true ? ["employees only"] : []),
    ...(plans === undefined ? [] : [`plans: ${plans.map((plan) => visible(plan, 30)).join(", ") || "none"}`]),
  ];
  return [
    (base.join(", ") || "everybody") + whoHave(needed.data, base.length > 0),
    ...(allowlist.length > 0 ? [`${counted(allowlist.length, "id")} always in`] : []),
    ...(blocklist.length > 0 ? [`${counted(blocklist.length, "id")} never in`] : []),
    ...(rules.length > 0 ? [counted(rules.length, "rule")] : []),
  ].join("; ");
}

/** Prerequisites apply to everybody, even to users on the allowlist. */
function whoHave(needed: readonly Requirement[], isNarrowed: boolean): string {
  if (needed.length === 0) return "";
  return `${isNarrowed ? ", with" : " with"} ${needed.map(requirementInWords).join(" and ")}`;
}

/** What a visitor gets instead of a gated page. */
export function actionInWords(action: Gate["otherwise"]): string {
  if ("rewrite" in action) return `shows ${visible(action.rewrite)}`;
  if ("redirect" in action) return `redirects to ${visible(action.redirect)} (${action.status ?? 302})`;
  return `answers ${action.status}${action.page === undefined ? "" : ` with ${visible(action.page)}`}`;
}

/** A prerequisite as users type it: `copilot` or `copilot=beta`. */
export function requirementInWords({ flag, variant }: Pick<Requirement, "flag" | "variant">): string {
  return visible(flag, 64) + (variant === undefined ? "" : `=${visible(variant, 64)}`);
}

/** The condition and the result of a rule: `country is "DE": 25 %`. */
export function ruleInWords(given: Rule): string {
  return `${visible(conditionInWords(given.if), 300)}: ${outcomeInWords(given)}`;
}

/** The result of a rule. */
export function outcomeInWords({ rollout_pct: percent, variant, bucket_by: bucketBy }: Rule): string {
  if (variant !== undefined) return `the variant ${visible(variant, 64)}`;
  if (percent === undefined) return "off";
  return percentInWords(percent) + (bucketBy === undefined ? "" : `, by ${visible(bucketBy, 128)}`);
}
