import type { Range, Variant } from "../flag/flag.ts";
import { isObject } from "../flag/members.ts";
import { coverExactly, isRange, TOTAL } from "./bucket.ts";

/** The ranges of each variant, in ascending order, by variant key. */
export type VariantRanges = Readonly<Record<string, readonly Range[]>>;

type Weighted = Pick<Variant, "key" | "weight">;

/** A range and the variant that owns it; undefined when it is free. */
interface Piece {
  readonly key: string | undefined;
  readonly from: number;
  readonly to: number;
}

/**
 * Divides all users among variants so that new weights move as few users as possible. A variant that shrinks releases the
 * end of its ranges, variants that grow take free ranges in order, and no other user moves.
 *
 * @param variants checked by `judgeVariants`: distinct keys, at least one weight above 0
 * @param previous the last saved allocation; when it is not valid, the variants get consecutive ranges
 * @returns ranges that cover 0 to 10,000 exactly once; a variant with weight 0 has none
 */
export function allocateVariants(variants: readonly Weighted[], previous: unknown): VariantRanges {
  const missing = new Map(toShares(variants));
  const given: Piece[] = [];
  const free: Piece[] = [];
  for (const { key, from, to } of piecesOf(previous)) {
    const kept = key === undefined ? 0 : Math.min(to - from, missing.get(key) ?? 0);
    if (key !== undefined && kept > 0) {
      given.push({ key, from, to: from + kept });
      missing.set(key, (missing.get(key) ?? 0) - kept);
    }
    if (from + kept < to) free.push({ key: undefined, from: from + kept, to });
  }
  // `pop` takes from the end, so the first free range must be last.
  free.reverse();
  for (const { key } of variants) {
    let wanted = missing.get(key) ?? 0;
    for (let next = free.pop(); next !== undefined; next = free.pop()) {
      const { from, to } = next;
      const taken = Math.min(wanted, to - from);
      if (taken > 0) given.push({ key, from, to: from + taken });
      wanted -= taken;
      if (from + taken < to) {
        free.push({ key: undefined, from: from + taken, to });
        break;
      }
    }
  }
  const ranges = rangesByKey(given);
  return Object.fromEntries(variants.map(({ key }) => [key, ranges.get(key) ?? []]));
}

/**
 * Converts weights to ten-thousandths by largest remainder. Every variant gets the whole part of its quota; the rest goes
 * to the largest remainders. Ties are broken by key, because the order of the list has no meaning.
 */
function toShares(variants: readonly Weighted[]): ReadonlyMap<string, number> {
  const sum = variants.reduce((total, { weight }) => total + weight, 0);
  const quotas = variants.map(({ key, weight }) => ({
    key,
    whole: Math.floor((weight * TOTAL) / sum),
    remainder: (weight * TOTAL) % sum,
  }));
  let left = TOTAL - quotas.reduce((total, { whole }) => total + whole, 0);
  const shares = new Map<string, number>();
  for (const { key, whole } of quotas.toSorted(
    (a, b) => b.remainder - a.remainder || (a.key < b.key ? -1 : 1),
  )) {
    shares.set(key, left > 0 ? whole + 1 : whole);
    left -= 1;
  }
  return shares;
}

/** A saved allocation in order, or one free range when it is not valid. */
function piecesOf(previous: unknown): readonly Piece[] {
  if (!isVariantRanges(previous)) return [{ key: undefined, from: 0, to: TOTAL }];
  return Object.entries(previous)
    .flatMap(([key, ranges]) => ranges.map(([from, to]) => ({ key, from, to })))
    .sort((a, b) => a.from - b.from);
}

function isVariantRanges(value: unknown): value is VariantRanges {
  if (!isObject(value)) return false;
  const all = Object.values(value);
  return (
    all.every((ranges): ranges is Range[] => Array.isArray(ranges) && ranges.every(isRange)) &&
    coverExactly(all.flat())
  );
}

/** Groups pieces by variant and joins adjacent ones. */
function rangesByKey(pieces: readonly Piece[]): ReadonlyMap<string | undefined, readonly Range[]> {
  const byKey = new Map<string | undefined, Range[]>();
  for (const { key, from, to } of pieces.toSorted((a, b) => a.from - b.from)) {
    const ranges = byKey.get(key) ?? [];
    byKey.set(key, ranges);
    const last = ranges.at(-1);
    if (last?.[1] === from) ranges[ranges.length - 1] = [last[0], to];
    else ranges.push([from, to]);
  }
  return byKey;
}
