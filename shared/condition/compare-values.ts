const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * The order of two values: two strings by UTF-16 code units, everything else as numbers, where a string of decimal
 * digits is its number and null or missing is 0 (GrowthBook's `cases.json` asks for both).
 *
 * @returns below, equal to or above 0; NaN, which is neither, when the two have no order
 */
export function compareValues(left: unknown, right: unknown): number {
  if (typeof left === "string" && typeof right === "string") {
    if (left === right) return 0;
    return left < right ? -1 : 1;
  }
  const [first, second] = [toNumber(left), toNumber(right)];
  // Not by subtraction: two infinities are equal.
  if (first === second) return 0;
  if (first < second) return -1;
  return first > second ? 1 : Number.NaN;
}

function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === null || value === undefined) return 0;
  return typeof value === "string" && DECIMAL.test(value) ? Number(value) : Number.NaN;
}
