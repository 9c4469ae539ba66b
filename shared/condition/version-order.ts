/** A version's segments, without a leading "v" and without build information. */
export type SemVer = readonly string[];

/** Replaces the missing pre-release of "1.0.0". It is above every ASCII text, so that "1.0.0" follows "1.0.0-beta". */
const RELEASE = "~";

const DIGITS = /^\d+$/;

/**
 * Splits a version at "." and "-". Every text that is not empty is a version.
 *
 * @returns undefined for an empty text, and for values that are not text
 */
export function parseSemVer(value: unknown): SemVer | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const build = value.indexOf("+");
  const segments = value.slice(value.startsWith("v") ? 1 : 0, build < 0 ? undefined : build).split(/[-.]/);
  return segments.length === 3 ? [...segments, RELEASE] : segments;
}

/**
 * Compares as GrowthBook's SDK specification does (`paddedVersionString`): segment by segment, digits before text, digits
 * by value, text by UTF-16 code units. A version follows every shorter version that it starts with.
 *
 * @returns below, equal to or above 0
 */
export function compareSemVer(left: SemVer, right: SemVer): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const order = compareSegments(left[index] ?? "", right[index] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareSegments(left: string, right: string): number {
  if (left === right) return 0;
  const digits = DIGITS.test(left);
  if (digits !== DIGITS.test(right)) return digits ? -1 : 1;
  // The longer run of digits is the larger number. GrowthBook pads the shorter one, with the same result.
  if (digits && left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : 1;
}
