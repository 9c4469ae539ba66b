import type { Range } from "../flag/flag.ts";

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
