import { z } from "zod";
import { visible } from "../terminal/visible.ts";
import { conditionInWords } from "./condition-words.ts";
import { percentInWords } from "./percent-words.ts";

/** A rule as this CLI can edit it; what it does not know of one stays as it is. */
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

/** Whom a rule is for, and what they get: `country is "DE": 25 %`. */
export function ruleInWords(given: Rule): string {
  return `${visible(conditionInWords(given.if), 300)}: ${outcomeInWords(given)}`;
}

/** What those get whom a rule matches. */
export function outcomeInWords({ rollout_pct: percent, variant, bucket_by: bucketBy }: Rule): string {
  if (variant !== undefined) return `the variant ${visible(variant, 64)}`;
  if (percent === undefined) return "off";
  return percentInWords(percent) + (bucketBy === undefined ? "" : `, by ${visible(bucketBy, 128)}`);
}
