import type { Range } from "../flag/flag.ts";

const encoder = new TextEncoder();

/** One more than the largest u32: what a bucket is measured against. */
const SPAN = 2 ** 32;

/**
 * A user's place for one flag: the first 32 bits, big-endian, of SHA-256 over the UTF-8 of `<salt>::<id>`.
 * Bucketing ids are used byte for byte: no trimming, folding or normalisation.
 *
 * @param salt the flag's salt, or else its key
 * @param id the bucketing id, not empty
 * @returns an unsigned 32-bit integer, uniform over all ids; the same for ever
 */
export async function bucketU32(salt: string, id: string): Promise<number> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(`${salt}::${id}`));
  return new DataView(digest).getUint32(0);
}

/** Rollout percentage to what `isWithin` compares: hundredths of a percent, an integer from 0 to 10,000. */
export function toBasisPoints(rolloutPct: number): number {
  return Math.round(rolloutPct * 100);
}

/**
 * Whether a place is within a share. The one boundary for every share in Sluice; exact, since both products stay
 * below 2^53.
 */
export function isWithin(u32: number, basisPoints: number): boolean {
  return u32 * 10_000 < basisPoints * SPAN;
}

/** The place as people are shown it: a percentage in [0, 100), never 100 itself. */
export function toBucket(u32: number): number {
  return (u32 / SPAN) * 100;
}

/** What ranges divide up: ten-thousandths. */
export const TOTAL = 10_000;

/** Whether something is a range that holds anything. */
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

/** Whether ranges cover everything, and nothing twice. */
export function coverExactly(ranges: readonly Range[]): boolean {
  let end = 0;
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (from !== end) return false;
    end = to;
  }
  return end === TOTAL;
}
