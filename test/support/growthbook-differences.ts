import { isDeepStrictEqual } from "node:util";

/** One comparison with different results in Sluice and GrowthBook. */
export interface Leaf {
  /** "=" for a value without an operator, "=i" where its case is ignored. */
  readonly operator: string;
  readonly expected: unknown;
  /** null when the attribute is missing. */
  readonly actual: unknown;
  /** Sluice's result. GrowthBook returns the opposite, or throws. */
  readonly sluice: boolean;
}

/** A deliberate difference, as docs/targeting-reference.md lists it. */
export interface Difference {
  readonly name: string;
  readonly when: string;
  readonly why: string;
  /** Whether it explains this disagreement. Absent: the path to the attribute explains it. */
  readonly explains?: (leaf: Leaf) => boolean;
}

const NEGATIVE = ["$ne", "$vne", "$notInGroup"];

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

/** Whether Sluice's result is the one for a value of a type that the operator does not accept. */
const isNoMatch = ({ operator, sluice }: Leaf): boolean => sluice === NEGATIVE.includes(operator);

const isVersion = (value: unknown): boolean => typeof value === "string" && value !== "";

/** The two versions of a version operator, without the build part. */
const versionsOf = ({ operator, expected, actual }: Leaf): readonly string[] =>
  operator.startsWith("$v") && isVersion(actual)
    ? [String(expected), String(actual)].map((version) => version.replace(/\+.*$/, ""))
    : [];

const hasNumber = (value: unknown): boolean =>
  typeof value === "number" || value === null || (typeof value === "string" && DECIMAL.test(value));

/** Every deliberate difference from `evalCondition` of GrowthBook's JavaScript SDK. */
export const DIFFERENCES: readonly Difference[] = [
  {
    name: "inherited properties are missing",
    when: "a path leads to what JavaScript adds to JSON: `constructor`, `__proto__`, `toString`, the `length` of a list",
    why: "a condition sees only the attributes that were sent, in every language; use `$size` for a length",
  },
  {
    name: "equal without conversion",
    when: 'a value without an operator, also in `$all` and `$alli`, is compared with an attribute of another type: `5` and `"5"`, `0` and missing, `true` and `"no"`',
    why: 'a missing attribute must not equal `0`, and `"false"` must not be true; GrowthBook\'s own `$eq` and `$in` convert nothing either',
    explains: (leaf) =>
      ["=", "=i"].includes(leaf.operator) && !leaf.sluice && typeOf(leaf.actual) !== typeOf(leaf.expected),
  },
  {
    name: "equal by content",
    when: "`$eq` and `$ne` with a list or an object",
    why: "GrowthBook compares identities, so no list equals any other list",
    explains: (leaf) =>
      ["$eq", "$ne"].includes(leaf.operator) &&
      isDeepStrictEqual(leaf.actual, leaf.expected) &&
      isObject(leaf.expected) &&
      leaf.sluice === (leaf.operator === "$eq"),
  },
  {
    name: "members have no order",
    when: "an object without an operator is compared with an attribute that has the same members in another order",
    why: "JSON objects have no order, and Postgres' `jsonb` changes it",
    explains: ({ operator, expected, actual, sluice }) =>
      operator === "=" && sluice && isObject(expected) && isDeepStrictEqual(actual, expected),
  },
  {
    name: "only numbers have an order",
    when: '`$gt`, `$gte`, `$lt`, `$lte` between a number and a value that is neither a number, decimal digits, null nor missing: `""`, `" 5"`, `"0x5"`, `true`, a list',
    why: "JavaScript converts them to numbers, other languages do not; without an order nothing matches",
    explains: ({ operator, expected, actual, sluice }) =>
      ["$gt", "$gte", "$lt", "$lte"].includes(operator) &&
      !sluice &&
      !(typeof actual === "string" && typeof expected === "string") &&
      !(hasNumber(actual) && hasNumber(expected)),
  },
  {
    name: "patterns are for text",
    when: "`$regex` and `$regexi` on a number, a boolean, a list, null or a missing attribute",
    why: 'GrowthBook matches against `"null"` or `"[object Object]"`, which no user ever sent',
    explains: (leaf) =>
      leaf.operator.startsWith("$regex") && isNoMatch(leaf) && typeof leaf.actual !== "string",
  },
  {
    name: "a pattern called constructor",
    when: "`$regex` with a pattern that is the name of an inherited property",
    why: "GrowthBook finds the inherited property in its cache of patterns, and never matches",
    explains: ({ operator, expected, sluice }) => operator === "$regex" && sluice && String(expected) in {},
  },
  {
    name: "a version is text",
    when: "a version operator on a missing attribute, an empty text or a value that is not a text",
    why: "GrowthBook reads these as version 0, so users without a version count as older than all others",
    explains: (leaf) => leaf.operator.startsWith("$v") && isNoMatch(leaf) && !isVersion(leaf.actual),
  },
  {
    name: "version numbers of any length",
    when: "a part of a version with five digits or more",
    why: "GrowthBook pads numbers to five characters and compares texts, so 100000 comes before 99999",
    explains: (leaf) => versionsOf(leaf).some((version) => /\d{5}/.test(version)),
  },
  {
    name: "versions part by part",
    when: "a part of a version with a character below `-`, such as a space or `!`",
    why: "GrowthBook joins the parts by `-` and compares the whole text, so such a part may sort after a longer one",
    explains: (leaf) => versionsOf(leaf).some((version) => /[ -,]/.test(version)),
  },
  {
    name: "ids by their text",
    when: "`$inGroup` and `$notInGroup` with a number whose digits the segment lists",
    why: "ids of segments are texts; a number must not escape `$notInGroup` when the segment lists its digits",
    explains: ({ operator, actual, sluice }) =>
      sluice === (operator === "$inGroup") &&
      operator.endsWith("Group") &&
      [actual].flat().some((item) => typeof item === "number"),
  },
];
