import { InvalidArgumentError } from "commander";

const PERCENT = /^(0|[1-9]\d{0,2})(\.\d{1,2})? ?%?$/;

/** Reasons for common mistakes; the first match wins. */
const REASONS: readonly (readonly [text: RegExp, reason: string])[] = [
  [/^\d+,\d+ ?%?$/, "Use a point for decimals, not a comma."],
  [/^\d+\.\d{3,} ?%?$/, "A percentage must have at most two decimals."],
  [/^-?\d+(\.\d{1,2})? ?%?$/, "A percentage must be from 0 to 100."],
];

/** A rollout percentage from the command line: `25`, `25%`, `0.5`. */
export function parsePercent(text: string): number {
  const percent = PERCENT.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (percent <= 100) return percent;
  const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? "This is not a percentage.";
  throw new InvalidArgumentError(`${reason} Write it like 25, 25% or 0.5.`);
}
