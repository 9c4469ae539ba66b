import type { Range, Variant } from "./flag.ts";
import { isObject } from "./members.ts";
import { TOTAL, coverExactly, isRange } from "./ranges.ts";

/** By variant key the ranges that it has, in order. */
export type VariantRanges = Readonly<Record<string, readonly Range[]>>;

type Weighted = Pick<Variant, "key" | "weight">;

/**
 * Divides all users among variants so that new weights move as few as possible from one to another: a variant that shrinks
 * gives up its last slots of 10,000, one that grows takes them in order, and nobody else moves.
 *
 * @param variants see `judgeVariants`: distinct keys, one weight at least above 0
 * @param previous the allocation last saved; when it is not one, the variants stand one behind the other
 * @returns ranges that cover 0 to 10,000 exactly once; a variant without a share has none
 */
export function allocateVariants(variants: readonly Weighted[], previous: unknown): VariantRanges {
  const shares = toShares(variants);
  const owners = ownersOf(previous);
  const free: number[] = [];
  const kept = new Map<string, number>();
  for (const [slot, owner] of owners.entries()) {
    const count = owner === undefined ? 0 : (kept.get(owner) ?? 0);
    if (owner !== undefined && count < (shares.get(owner) ?? 0)) kept.set(owner, count + 1);
    else free.push(slot);
  }
  let next = 0;
  for (const { key } of variants) {
    const missing = (shares.get(key) ?? 0) - (kept.get(key) ?? 0);
    for (const slot of free.slice(next, next + missing)) owners[slot] = key;
    next += missing;
  }
  const ranges = rangesByKey(owners);
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

/** Whose each slot is by a saved allocation; nobody's when it is none. */
function ownersOf(previous: unknown): (string | undefined)[] {
  const owners = Array.from<string | undefined>({ length: TOTAL });
  if (!isVariantRanges(previous)) return owners;
  for (const [key, ranges] of Object.entries(previous)) {
    for (const [from, to] of ranges) owners.fill(key, from, to);
  }
  return owners;
}

function isVariantRanges(value: unknown): value is VariantRanges {
  if (!isObject(value)) return false;
  const all = Object.values(value);
  return (
    all.every((ranges): ranges is Range[] => Array.isArray(ranges) && ranges.every(isRange)) &&
    coverExactly(all.flat())
  );
}

function rangesByKey(owners: readonly (string | undefined)[]): ReadonlyMap<string | undefined, Range[]> {
  const ranges = new Map<string | undefined, Range[]>();
  let from = 0;
  for (let slot = 1; slot <= owners.length; slot += 1) {
    const owner = owners[from];
    if (slot < owners.length && owners[slot] === owner) continue;
    ranges.set(owner, [...(ranges.get(owner) ?? []), [from, slot]]);
    from = slot;
  }
  return ranges;
}
