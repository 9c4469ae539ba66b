import type { Range } from "../flag/flag.ts";

const encoder = new TextEncoder();

/** One more than the largest u32: the number of buckets. */
const SPAN = 2 ** 32;

/**
 * A user's bucket for one flag: the first 32 bits, big-endian, of SHA-256 over the UTF-8 of `<salt>::<id>`.
 * Bucketing ids are hashed byte for byte, without trimming, case folding or normalization.
 *
 * @param salt the flag's salt, or its key when it has none
 * @param id the bucketing id, not empty
 * @returns an unsigned 32-bit integer, uniform over all ids; it never changes for the same salt and id
 */
export async function bucketU32(salt: string, id: string): Promise<number> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(`${salt}::${id}`));
  return new DataView(digest).getUint32(0);
}

/** Converts a rollout percentage to hundredths of a percent, an integer from 0 to 10,000. */
export function toBasisPoints(rolloutPct: number): number {
  return Math.round(rolloutPct * 100);
}

/**
 * Whether a bucket is within a share of users. Every percentage in Sluice is compared here. The comparison is exact:
 * both products are below 2^53.
 */
export function isWithin(u32: number, basisPoints: number): boolean {
  return u32 * TOTAL < basisPoints * SPAN;
}

/** The bucket as shown to people: a percentage from 0 (inclusive) to 100 (exclusive). */
export function toBucket(u32: number): number {
  return (u32 / SPAN) * 100;
}

/** All users, in ten-thousandths. */
export const TOTAL = 10_000;

/** Whether a value is a range that is not empty. */
export function isRange(value: unknown): value is Range {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to] = value as unknown[];
  return (
    Number.isInteger(from) &&
    Number.isInteger(to) &&
    Number(from) >= 0 &&
    Number(from) < Number(to) &&
    Number(to) <= TOTAL
  );
}

/** Whether ranges cover 0 to `TOTAL` without a gap or an overlap. */
export function coverExactly(ranges: readonly Range[]): boolean {
  let end = 0;
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (from !== end) return false;
    end = to;
  }
  return end === TOTAL;
}
