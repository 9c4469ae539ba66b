/** What a segment of a pattern may be, the most specific first. */
const KINDS: readonly (readonly [test: RegExp, digit: string])[] = [
  [/^(?:[^\\*:(){}?+]|\\.)*$/su, "0"],
  [/^:\w+$/, "2"],
  [/^\*+$/, "3"],
];
/** Partly a name or a wildcard, as `draft-*`; or whatever else a URLPattern may hold. */
const MIXED = "1";
/** Any rest, however long. */
const REST = "9";

/**
 * How specific a pattern is, as a text: of two patterns for one page the lower text is the more specific. Compared from
 * the left, segment by segment: words before `draft-*` before `:name` before `*`, and any rest comes last.
 */
export function gateRank(pattern: string): string {
  const segments = pattern
    .replace(/(?<=.)\/+$/, "")
    .split("/")
    .slice(1);
  const digits = segments.map((segment) => KINDS.find(([test]) => test.test(segment))?.[1] ?? MIXED);
  if (digits.at(-1) === "3") digits[digits.length - 1] = REST;
  // Where kinds are the same, the one that says more.
  return `${digits.join("")}/${String(100_000 - Math.min(pattern.length, 99_999)).padStart(6, "0")}`;
}
