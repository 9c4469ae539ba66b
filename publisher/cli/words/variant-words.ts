import { z } from "zod";
import { allocateVariants } from "../../../shared/bucketing/allocate-variants.ts";
import { DEFAULT_BUCKET_BY } from "../../../shared/flag/flag.ts";
import type { Flag } from "../api/answers.ts";
import { visible } from "../terminal/visible.ts";
import { percentInWords } from "./amounts.ts";
import { valueInWords } from "./condition-words.ts";

/** Variants that this CLI can edit. Unknown members are kept. */
export const variants = z.array(
  z.looseObject({ key: z.string(), weight: z.number(), value: z.unknown().optional() }),
);
export type Variant = z.output<typeof variants>[number];

/** A variant's share and value: `25 % (weight 1), {"model":"large"}`. */
export function variantInWords(variant: Variant, all: readonly Variant[]): string {
  const share = `${percentInWords(shareOf(variant.key, all))} (weight ${variant.weight})`;
  const value = variantValueInWords(variant);
  return value === "-" ? share : `${share}, ${value}`;
}

/** The percentage of the flag's users with a variant. */
export function shareOf(key: string, all: readonly Variant[]): number {
  if (!all.some(({ weight }) => weight > 0)) return 0;
  const ranges = allocateVariants(all, undefined)[key] ?? [];
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0) / 100;
}

/** A variant's value in one line; a dash without one. */
export function variantValueInWords(variant: Variant): string {
  return "value" in variant && variant.value !== undefined ? visible(valueInWords(variant.value), 120) : "-";
}

/**
 * The percentage of the flag's users who change their variant: the sum of what the shrinking variants lose.
 *
 * @returns undefined without variants before or after
 */
export function movedShare(before: readonly Variant[], after: readonly Variant[]): number | undefined {
  const hasShares = (all: readonly Variant[]) => all.some(({ weight }) => weight > 0);
  if (!hasShares(before) || !hasShares(after)) return undefined;
  const lost = before.map(({ key }) => Math.max(0, shareOf(key, before) - shareOf(key, after)));
  return Math.round(lost.reduce((sum, share) => sum + share, 0) * 100) / 100;
}

/** A hint: users without the bucketing attribute have no variant, so they do not get the flag. */
export function variantHints(flag: Pick<Flag, "bucket_by" | "variants">): readonly string[] {
  const { bucket_by: by } = flag;
  // A single variant needs no bucket.
  const isDrawn =
    (variants.safeParse(flag.variants).data ?? []).filter(({ weight }) => weight > 0).length > 1;
  if (!isDrawn || by === DEFAULT_BUCKET_BY) return [];
  return [
    `Its variants are assigned by ${visible(by, 128)}: users without it do not get the flag, even by the allowlist, as an employee or by a rule of 100 %. Only a rule with a variant includes them.`,
  ];
}
