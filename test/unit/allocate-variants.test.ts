import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocateVariants, type VariantRanges } from "../../shared/bucketing/allocate-variants.ts";
import { TOTAL } from "../../shared/bucketing/bucket.ts";
import { WEIGHTS } from "../support/flag-arbitraries.ts";

type Weights = readonly { readonly key: string; readonly weight: number }[];

const SOME_WEIGHTS = WEIGHTS.filter((weights) => weights.length > 0);

/** The variant of each of the 10,000 slots. */
function ownersOf(ranges: VariantRanges): readonly (string | undefined)[] {
  const owners = Array.from<string | undefined>({ length: TOTAL });
  let given = 0;
  for (const [key, some] of Object.entries(ranges)) {
    for (const [from, to] of some) {
      owners.fill(key, from, to);
      given += to - from;
    }
  }
  // No slot has two variants.
  expect(given).toBe(owners.filter((owner) => owner !== undefined).length);
  return owners;
}

const countOf = (owners: readonly (string | undefined)[], key: string): number =>
  owners.filter((owner) => owner === key).length;

/** Sequences of allocations, each based on the one before. */
const HISTORY = fc.array(SOME_WEIGHTS, { minLength: 1, maxLength: 4 });

const allocateAll = (history: readonly Weights[]): VariantRanges =>
  history.reduce<VariantRanges>((previous, weights) => allocateVariants(weights, previous), {});

describe("allocateVariants", () => {
  test("every slot has a variant, and every variant has its share, to within one slot", () => {
    fc.assert(
      fc.property(HISTORY, SOME_WEIGHTS, (history, weights) => {
        const owners = ownersOf(allocateVariants(weights, allocateAll(history)));
        expect(owners).not.toContain(undefined);
        const sum = weights.reduce((total, { weight }) => total + weight, 0);
        for (const { key, weight } of weights) {
          expect(Math.abs(countOf(owners, key) - (weight * TOTAL) / sum)).toBeLessThan(1);
          if (weight === 0) expect(countOf(owners, key)).toBe(0);
        }
      }),
    );
  });

  test("it moves exactly the surplus slots of the variants that shrink, which is the minimum", () => {
    let moves = 0;
    fc.assert(
      fc.property(HISTORY, SOME_WEIGHTS, (history, weights) => {
        const before = ownersOf(allocateAll(history));
        const after = ownersOf(allocateVariants(weights, allocateAll(history)));
        const moved = before.filter((owner, slot) => owner !== after[slot]).length;
        const keys = new Set(before.flatMap((owner) => owner ?? []));
        const surplus = [...keys].map((key) => Math.max(0, countOf(before, key) - countOf(after, key)));
        expect(moved).toBe(surplus.reduce((sum, count) => sum + count, 0));
        moves += moved;
      }),
    );
    expect(moves).toBeGreaterThan(TOTAL);
  });

  test("equal shares move no slot, with any weights and in any order", () => {
    fc.assert(
      fc.property(HISTORY, SOME_WEIGHTS, fc.integer({ min: 1, max: 5 }), (history, weights, times) => {
        const allocated = allocateVariants(weights, allocateAll(history));
        const same = weights.map(({ key, weight }) => ({ key, weight: weight * times })).toReversed();
        expect(allocateVariants(same, allocated)).toEqual(allocated);
      }),
    );
  });

  test("an invalid saved allocation counts as none", () => {
    fc.assert(
      fc.property(SOME_WEIGHTS, fc.jsonValue(), (weights, previous) => {
        expect(allocateVariants(weights, previous)).toEqual(allocateVariants(weights, {}));
      }),
    );
  });
});
