/** A version made ready to be compared: its segments, without a leading "v" and without build information. */
export type SemVer = readonly string[];

/** What "1.0.0" has in the place of a pre-release: above every ASCII text, so that it follows "1.0.0-beta". */
const RELEASE = "~";

const DIGITS = /^\d+$/;

/**
 * Splits a version at "." and "-". Every text is a version of some kind; only the empty one is none.
 *
 * @returns undefined for what is no text, or empty
 */
export function parseSemVer(value: unknown): SemVer | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const build = value.indexOf("+");
  const segments = value.slice(value.startsWith("v") ? 1 : 0, build < 0 ? undefined : build).split(/[-.]/);
  return segments.length === 3 ? [...segments, RELEASE] : segments;
}

/**
 * The order of GrowthBook's SDK specification (`paddedVersionString`): segment by segment, digits before text, digits
 * by their value, text by UTF-16 code units, and what is longer after what it begins with.
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
  // Of two runs of digits the longer one is the larger number, whatever its size; padding would say the same.
  if (digits && left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : 1;
}
