import { expect, test } from "vitest";
import { bucketU32, isWithin, toBasisPoints, toBucket } from "../../shared/bucketing/bucket.ts";

const LAST = 2 ** 32 - 1;

test.for(["ai_search", "copilot", "ai_search-2026"])(
  "a quarter of ten thousand ids are in, give or take 1.5 points: %s",
  async (salt) => {
    let within = 0;
    for (let n = 1; n <= 10_000; n += 1) {
      if (isWithin(await bucketU32(salt, `user-${n}`), toBasisPoints(25))) within += 1;
    }
    expect(within).toBeGreaterThan(2_350);
    expect(within).toBeLessThan(2_650);
  },
);

test("two salts are independent: a quarter of one quarter is in the other", async () => {
  let both = 0;
  for (let n = 1; n <= 10_000; n += 1) {
    const id = `user-${n}`;
    const basisPoints = toBasisPoints(25);
    if (!isWithin(await bucketU32("ai_search", id), basisPoints)) continue;
    if (isWithin(await bucketU32("copilot", id), basisPoints)) both += 1;
  }
  expect(both).toBeGreaterThan(525);
  expect(both).toBeLessThan(725);
});

test.for([
  { u32: 0, rolloutPct: 0, within: false },
  { u32: 0, rolloutPct: 0.01, within: true },
  { u32: 429_496, rolloutPct: 0.01, within: true },
  { u32: 429_497, rolloutPct: 0.01, within: false },
  { u32: 2 ** 30 - 1, rolloutPct: 25, within: true },
  { u32: 2 ** 30, rolloutPct: 25, within: false },
  { u32: 2 ** 31 - 1, rolloutPct: 50, within: true },
  { u32: 2 ** 31, rolloutPct: 50, within: false },
  { u32: 4_294_537_799, rolloutPct: 99.99, within: true },
  { u32: 4_294_537_800, rolloutPct: 99.99, within: false },
  { u32: LAST, rolloutPct: 99.99, within: false },
  { u32: LAST, rolloutPct: 100, within: true },
])("bucket $u32 at $rolloutPct % is within: $within", ({ u32, rolloutPct, within }) => {
  expect(isWithin(u32, toBasisPoints(rolloutPct))).toBe(within);
});

test("every hundredth of a percent becomes an exact integer", () => {
  for (let basisPoints = 0; basisPoints <= 10_000; basisPoints += 1) {
    expect(toBasisPoints(basisPoints / 100)).toBe(basisPoints);
    expect(toBasisPoints(Number((basisPoints / 100).toFixed(2)))).toBe(basisPoints);
  }
});

test("a bucket is at least 0 and below 100", () => {
  expect(toBucket(0)).toBe(0);
  expect(toBucket(2 ** 30)).toBe(25);
  expect(toBucket(LAST)).toBeLessThan(100);
});
