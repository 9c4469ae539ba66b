import { isDeepStrictEqual } from "node:util";

/** One comparison about which Sluice and GrowthBook disagree. */
export interface Leaf {
  /** "=" where a value stands without an operator, "=i" where its case is ignored. */
  readonly operator: string;
  readonly expected: unknown;
  /** null when the attribute is missing. */
  readonly actual: unknown;
  /** What Sluice says; GrowthBook says the other thing, or throws. */
  readonly sluice: boolean;
}

/** A difference that is meant, as docs/targeting.md tells it. */
export interface Difference {
  readonly name: string;
  readonly when: string;
  readonly why: string;
  /** Absent: the path to the attribute makes the difference. */
  readonly explains?: (leaf: Leaf) => boolean;
}

const NEGATIVE = ["$ne", "$vne", "$notInGroup"];

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

/** Whether Sluice gives what it gives for a value that is not what the operator asks for. */
const isNoMatch = ({ operator, sluice }: Leaf): boolean => sluice === NEGATIVE.includes(operator);

const isVersion = (value: unknown): boolean => typeof value === "string" && value !== "";

/** The two versions of a version operator, without what stands for a build. */
const versionsOf = ({ operator, expected, actual }: Leaf): readonly string[] =>
  operator.startsWith("$v") && isVersion(actual)
    ? [String(expected), String(actual)].map((version) => version.replace(/\+.*$/, ""))
    : [];

const hasNumber = (value: unknown): boolean =>
  typeof value === "number" || value === null || (typeof value === "string" && DECIMAL.test(value));

/** Every deliberate difference to `evalCondition` of GrowthBook's SDK for JavaScript. */
export const DIFFERENCES: readonly Difference[] = [
  {
    name: "what is inherited is missing",
    when: "a path leads to what JavaScript adds to JSON: `constructor`, `__proto__`, `toString`, the `length` of a list",
    why: "a condition sees what was sent, the same in every language; for a length there is `$size`",
  },
  {
    name: "equal without conversion",
    when: 'a value without an operator, also in `$all` and `$alli`, and an attribute of another type: `5` and `"5"`, `0` and missing, `true` and `"no"`',
    why: 'a missing attribute must not equal `0`, nor `"false"` be true; GrowthBook\'s own `$eq` and `$in` convert nothing either',
    explains: (leaf) =>
      ["=", "=i"].includes(leaf.operator) && !leaf.sluice && typeOf(leaf.actual) !== typeOf(leaf.expected),
  },
  {
    name: "equal by content",
    when: "`$eq` and `$ne` with a list or an object",
    why: "GrowthBook compares identities, so that no list equals any other",
    explains: (leaf) =>
      ["$eq", "$ne"].includes(leaf.operator) &&
      isDeepStrictEqual(leaf.actual, leaf.expected) &&
      isObject(leaf.expected) &&
      leaf.sluice === (leaf.operator === "$eq"),
  },
  {
    name: "members have no order",
    when: "an object without an operator and an attribute with the same members in another order",
    why: "JSON's objects have none, and what passes through Postgres' `jsonb` comes back in another",
    explains: ({ operator, expected, actual, sluice }) =>
      operator === "=" && sluice && isObject(expected) && isDeepStrictEqual(actual, expected),
  },
  {
    name: "an order of numbers",
    when: '`$gt`, `$gte`, `$lt`, `$lte` between a number and what is neither a number, decimal digits, null nor missing: `""`, `" 5"`, `"0x5"`, `true`, a list',
    why: "JavaScript makes numbers of them, other languages do not: there is no order, so nothing holds",
    explains: ({ operator, expected, actual, sluice }) =>
      ["$gt", "$gte", "$lt", "$lte"].includes(operator) &&
      !sluice &&
      !(typeof actual === "string" && typeof expected === "string") &&
      !(hasNumber(actual) && hasNumber(expected)),
  },
  {
    name: "patterns are for text",
    when: "`$regex` and `$regexi` on a number, a boolean, a list, null or a missing attribute",
    why: '`"null"` and `"[object Object]"` are nobody\'s text',
    explains: (leaf) =>
      leaf.operator.startsWith("$regex") && isNoMatch(leaf) && typeof leaf.actual !== "string",
  },
  {
    name: "a pattern called constructor",
    when: "`$regex` with a pattern that is the name of something inherited",
    why: "GrowthBook finds it in its cache of patterns before it was ever put there, and never matches",
    explains: ({ operator, expected, sluice }) => operator === "$regex" && sluice && String(expected) in {},
  },
  {
    name: "a version is text",
    when: "a version operator on a missing attribute, the empty text or anything but text",
    why: "GrowthBook takes these for version 0, so that whoever has no version is older than every other",
    explains: (leaf) => leaf.operator.startsWith("$v") && isNoMatch(leaf) && !isVersion(leaf.actual),
  },
  {
    name: "version numbers of any length",
    when: "a part of a version with five digits or more",
    why: "GrowthBook pads numbers to five characters and compares text: 100000 comes before 99999",
    explains: (leaf) => versionsOf(leaf).some((version) => /\d{5}/.test(version)),
  },
  {
    name: "versions part by part",
    when: "a part of a version with a character below `-`, such as a space or `!`",
    why: "GrowthBook joins the parts by `-` again and compares the whole, so that such a part may end behind a longer one",
    explains: (leaf) => versionsOf(leaf).some((version) => /[ -,]/.test(version)),
  },
  {
    name: "ids by their text",
    when: "`$inGroup` and `$notInGroup` with a number whose digits the segment lists",
    why: "the ids of segments are text; a number that is meant must not slip out of `$notInGroup`",
    explains: ({ operator, actual, sluice }) =>
      sluice === (operator === "$inGroup") &&
      operator.endsWith("Group") &&
      [actual].flat().some((item) => typeof item === "number"),
  },
];
