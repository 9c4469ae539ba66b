import { z } from "zod";
import type { Flag } from "../api/answers.ts";
import type { Style } from "../terminal/paint.ts";
import { visible } from "../terminal/visible.ts";
import { requirementInWords, requires, type Requirement } from "./require-words.ts";
import { rule } from "./rule-words.ts";

/** Targeting as this CLI can edit it. */
export const targeting = z.strictObject({
  allowlist: z.array(z.string()).optional(),
  blocklist: z.array(z.string()).optional(),
  plans: z.array(z.string()).optional(),
  employees_only: z.boolean().optional(),
  rules: z.array(rule).optional(),
});
export type Targeting = z.output<typeof targeting>;

/** Gates as this CLI can edit them. */
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

/** On, off, or why it can be neither. */
export function stateOf(flag: Flag): { readonly text: string; readonly style: Style } {
  if (flag.invalid !== undefined) return { text: "invalid", style: "red" };
  if (flag.archived_at !== null) return { text: "archived", style: "dim" };
  return flag.enabled ? { text: "on", style: "green" } : { text: "off", style: "dim" };
}

/** Whom a flag is for, in a few words. */
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

/** A flag that needs others is for nobody else, not even for those on its lists. */
function whoHave(needed: readonly Requirement[], isNarrowed: boolean): string {
  if (needed.length === 0) return "";
  return `${isNarrowed ? ", who have" : " who has"} ${needed.map(requirementInWords).join(" and ")}`;
}

/** A number of things: `1 rule`, `2 rules`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What a visitor gets in place of a gated page. */
export function actionInWords(action: Gate["otherwise"]): string {
  if ("rewrite" in action) return `shows ${visible(action.rewrite)}`;
  if ("redirect" in action) return `redirects to ${visible(action.redirect)} (${action.status ?? 302})`;
  return `answers ${action.status}${action.page === undefined ? "" : ` with ${visible(action.page)}`}`;
}

/** A time of the API to the minute, in UTC. */
export function timeInWords(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return visible(time, 40);
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
