import type { Range, Variant } from "../flag/flag.ts";
import { isObject } from "../flag/members.ts";
import { coverExactly, isRange, TOTAL } from "./bucket.ts";

/** By variant key the ranges that it has, in order. */
export type VariantRanges = Readonly<Record<string, readonly Range[]>>;

type Weighted = Pick<Variant, "key" | "weight">;

/** A range and whose it is; nobody's when an allocation begins. */
interface Piece {
  readonly key: string | undefined;
  readonly from: number;
  readonly to: number;
}

/**
 * Divides all users among variants so that new weights move as few as possible from one to another: a variant that shrinks
 * gives up its last slots of 10,000, one that grows takes them in order, and nobody else moves.
 *
 * @param variants see `judgeVariants`: distinct keys, one weight at least above 0
 * @param previous the allocation last saved; when it is not one, the variants stand one behind the other
 * @returns ranges that cover 0 to 10,000 exactly once; a variant without a share has none
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
  // Taken from the end of a list: the first that are free are the last in it.
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
 * Weights to slots, by largest remainder: everybody gets the whole part of their due, and what is left goes to the largest
 * remainders, equal ones in the order of their keys: that of the list may change without a meaning.
 */
function toShares(variants: readonly Weighted[]): ReadonlyMap<string, number> {
  const sum = variants.reduce((total, { weight }) => total + weight, 0);
  const dues = variants.map(({ key, weight }) => ({
    key,
    whole: Math.floor((weight * TOTAL) / sum),
    remainder: (weight * TOTAL) % sum,
  }));
  let left = TOTAL - dues.reduce((total, { whole }) => total + whole, 0);
  const shares = new Map<string, number>();
  for (const { key, whole } of dues.toSorted(
    (a, b) => b.remainder - a.remainder || (a.key < b.key ? -1 : 1),
  )) {
    shares.set(key, left > 0 ? whole + 1 : whole);
    left -= 1;
  }
  return shares;
}

/** A saved allocation in order; when it is none, all of it is nobody's. */
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

/** Pieces by whose they are, those that touch each other joined. */
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
