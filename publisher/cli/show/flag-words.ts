import { z } from "zod";
import type { Flag } from "../api/answers.ts";
import type { Style } from "../paint.ts";
import { visible } from "../visible.ts";

/** Targeting as this CLI can edit it. */
export const targeting = z.strictObject({
  allowlist: z.array(z.string()).optional(),
  blocklist: z.array(z.string()).optional(),
  plans: z.array(z.string()).optional(),
  employees_only: z.boolean().optional(),
});
export type Targeting = z.output<typeof targeting>;

/** Gates as this CLI can edit them. */
export const gates = z.array(
  z.strictObject({
    pattern: z.string(),
    otherwise: z.union([
      z.strictObject({ rewrite: z.string() }),
      z.strictObject({ redirect: z.string(), status: z.number().optional() }),
      z.strictObject({ status: z.number() }),
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
  if (!parsed.success) return "not valid";
  const { allowlist = [], blocklist = [], plans, employees_only: employeesOnly } = parsed.data;
  const words = [
    ...(employeesOnly === true ? ["employees only"] : []),
    ...(plans === undefined ? [] : [`plans: ${plans.map((plan) => visible(plan, 30)).join(", ") || "none"}`]),
    ...(allowlist.length > 0 ? [`${allowlist.length} allowed`] : []),
    ...(blocklist.length > 0 ? [`${blocklist.length} denied`] : []),
  ];
  return words.join("; ") || "everybody";
}

/** What a visitor gets in place of a gated page. */
export function actionInWords(action: Gate["otherwise"]): string {
  if ("rewrite" in action) return `shows ${visible(action.rewrite)}`;
  if ("redirect" in action) return `redirects to ${visible(action.redirect)} (${action.status ?? 302})`;
  return `answers ${action.status}`;
}

/** A percentage as people write it: `25 %`, `0.5 %`. */
export function percentInWords(percent: number): string {
  return `${percent} %`;
}

/** A time of the API to the minute, in UTC. */
export function timeInWords(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return visible(time, 40);
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
