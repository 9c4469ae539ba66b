import { z } from "zod";
import { allocateVariants } from "../../../shared/bucketing/allocate-variants.ts";
import { DEFAULT_BUCKET_BY } from "../../../shared/flag/flag.ts";
import type { Flag } from "../api/answers.ts";
import { visible } from "../terminal/visible.ts";
import { percentInWords } from "./amounts.ts";
import { valueInWords } from "./condition-words.ts";

/** Variants as this CLI can edit them; what it does not know of one stays as it is. */
export const variants = z.array(
  z.looseObject({ key: z.string(), weight: z.number(), value: z.unknown().optional() }),
);
export type Variant = z.output<typeof variants>[number];

/** A variant's share of those who are in, and its value: `25 % (weight 1), {"model":"large"}`. */
export function variantInWords(variant: Variant, all: readonly Variant[]): string {
  const share = `${percentInWords(shareOf(variant.key, all))} (weight ${variant.weight})`;
  const value = variantValueInWords(variant);
  return value === "-" ? share : `${share}, ${value}`;
}

/** How many per cent of those who are in have a variant. */
export function shareOf(key: string, all: readonly Variant[]): number {
  if (!all.some(({ weight }) => weight > 0)) return 0;
  const ranges = allocateVariants(all, undefined)[key] ?? [];
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0) / 100;
}

/** A variant's value in one line; nothing when it has none. */
export function variantValueInWords(variant: Variant): string {
  return "value" in variant && variant.value !== undefined ? visible(valueInWords(variant.value), 120) : "-";
}

/**
 * How many per cent of those who are in change their variant, as few as new weights allow: what the shrinking ones lose.
 *
 * @returns undefined where there is nothing to compare: no variants before, or none after
 */
export function movedShare(before: readonly Variant[], after: readonly Variant[]): number | undefined {
  const hasShares = (all: readonly Variant[]) => all.some(({ weight }) => weight > 0);
  if (!hasShares(before) || !hasShares(after)) return undefined;
  const lost = before.map(({ key }) => Math.max(0, shareOf(key, before) - shareOf(key, after)));
  return Math.round(lost.reduce((sum, share) => sum + share, 0) * 100) / 100;
}

/** Whom a flag with variants leaves out that its lists and rules let in: variants are drawn by its attribute. */
export function drawHints(flag: Pick<Flag, "bucket_by" | "variants">): readonly string[] {
  const { bucket_by: by } = flag;
  // The only one that anybody gets needs no place.
  const isDrawn =
    (variants.safeParse(flag.variants).data ?? []).filter(({ weight }) => weight > 0).length > 1;
  if (!isDrawn || by === DEFAULT_BUCKET_BY) return [];
  return [
    `Its variants are drawn by ${visible(by, 128)}: whoever lacks it is out, also on the allowlist, as an employee or by a rule of 100 %; only a rule that names a variant lets them in.`,
  ];
}
