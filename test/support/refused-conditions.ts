/** A condition that Sluice refuses, and the path to the fault in it. */
export interface RefusedCondition {
  readonly condition: object;
  readonly path: readonly (string | number)[];
}

/** Conditions of one kind that GrowthBook evaluates and Sluice refuses, as docs/targeting-reference.md lists them. */
export interface Refusal {
  readonly name: string;
  readonly when: string;
  readonly why: string;
  readonly conditions: readonly RefusedCondition[];
}

const refused = (condition: object, ...path: readonly (string | number)[]): RefusedCondition => ({
  condition,
  path,
});

/** An operator whose argument is the fault. */
const argument = (operator: string, value: unknown): RefusedCondition =>
  refused({ a: { [operator]: value } }, "a", operator);

const LONG = "x".repeat(1_025);

export const REFUSALS: readonly Refusal[] = [
  {
    name: "an unknown operator",
    when: '`{"a": {"$like": "x"}}`, `{"$savedGroup": …}`, `{"list": {"$elemMatch": {"$or": […]}}}`',
    why: "in GrowthBook it matches nobody, and its negation everybody",
    conditions: [
      argument("$like", "x"),
      argument("$EQ", "x"),
      argument("$", "x"),
      argument("$constructor", "x"),
      argument("$or", [{ b: 1 }]),
      refused({ $where: "this.a" }, "$where"),
      refused({ $savedGroup: { id: "beta" } }, "$savedGroup"),
      refused({ list: { $elemMatch: { $or: [{ a: 1 }, { a: 2 }] } } }, "list", "$elemMatch", "$or"),
    ],
  },
  {
    name: "an operator without an attribute",
    when: '`{"$gt": 5}`',
    why: "GrowthBook looks for an attribute called `$gt`",
    conditions: [
      refused({ $gt: 5 }, "$gt"),
      refused({ $in: ["a"] }, "$in"),
      refused({ $inGroup: "beta" }, "$inGroup"),
    ],
  },
  {
    name: "an argument of another type",
    when: "`$in` without a list, `$exists` without true or false, `$gt` with a boolean, `$type` with an unknown type, …",
    why: "GrowthBook matches nobody, or converts the argument as JavaScript does",
    conditions: [
      argument("$gt", true),
      argument("$lt", null),
      argument("$gte", [1]),
      argument("$in", "x"),
      argument("$nin", { a: 1 }),
      refused({ a: { $ini: [1, {}] } }, "a", "$ini", 1),
      argument("$exists", 1),
      argument("$exists", "true"),
      argument("$type", "undefined"),
      argument("$type", "toString"),
      argument("$size", "2"),
      argument("$size", -1),
      argument("$size", 1.5),
      argument("$regex", 5),
      argument("$regexi", null),
      argument("$vgt", 2),
      argument("$veq", ""),
      argument("$inGroup", 7),
      argument("$all", "x"),
      argument("$alli", null),
      argument("$elemMatch", 5),
      refused({ $or: { a: 1 } }, "$or"),
      refused({ $and: null }, "$and"),
      refused({ $nor: ["x"] }, "$nor", 0),
      refused({ $not: "x" }, "$not"),
      refused({ $not: [] }, "$not"),
    ],
  },
  {
    name: "an unsupported pattern",
    when: '`"(.*)*x"`, `"(?=a)"`, `"["`, `""`; [accepted patterns](#regex-regexi)',
    why: "GrowthBook runs every pattern that `RegExp` accepts, without a time limit; the rest match nobody",
    conditions: ["(.*)*x", "a{100000}", "(?=a)", "(a)\\1", "(?<n>a)", "\\p{L}", "[", "(", "a**", ""].map(
      (pattern) => argument("$regex", pattern),
    ),
  },
  {
    name: "operators beside other members",
    when: '`{"a": {"$gt": 1, "b": 2}}`',
    why: "GrowthBook compares the whole object as a value",
    conditions: [
      refused({ a: { $gt: 1, b: 2 } }, "a"),
      refused({ a: { b: { c: 1 }, $exists: true } }, "a"),
      refused({ a: { $not: { $gt: 1, b: 2 } } }, "a", "$not"),
    ],
  },
  {
    name: "an empty object",
    when: '`{"a": {}}`',
    why: 'it looks like a condition, but GrowthBook compares it as a value; write `{"$eq": {}}`',
    conditions: [
      refused({ a: {} }, "a"),
      refused({ a: { $not: {} } }, "a", "$not"),
      refused({ a: { $all: [{}] } }, "a", "$all", 0),
    ],
  },
  {
    name: "operators within a value",
    when: '`{"a": {"$eq": {"$gt": 1}}}`, `{"a": [{"$gt": 1}]}`',
    why: "GrowthBook compares the whole value and ignores the operators in it",
    conditions: [
      refused({ a: { $eq: { $gt: 1 } } }, "a", "$eq", "$gt"),
      refused({ a: [1, { $gt: 1 }] }, "a", 1, "$gt"),
      refused({ a: { b: { $gt: 1 } } }, "a", "b", "$gt"),
    ],
  },
  {
    name: "an invalid path",
    when: '`""`, `"a b"`, `"a..b"`, one of more than 128 characters',
    why: "GrowthBook finds nothing, or an attribute that other languages cannot name",
    conditions: ["", "a b", "a..b", ".a", "a.", "a\u0000", "x".repeat(129)].map((path) =>
      refused({ [path]: 1 }, path),
    ),
  },
  {
    name: "a missing segment",
    when: '`{"a": {"$notInGroup": "nobody-made-it"}}`',
    why: "GrowthBook treats it as empty, so `$notInGroup` matches everybody",
    conditions: [
      argument("$inGroup", "missing"),
      argument("$notInGroup", "missing"),
      argument("$inGroup", "toString"),
      argument("$notInGroup", "__proto__"),
    ],
  },
  {
    name: "too large",
    when: "nested deeper than 16, more than 1,000 operators and values, lists of more than 10,000 items, texts of more than 1,024 characters",
    why: "the edge evaluates every condition for every request",
    conditions: [
      refused({ a: { $eq: LONG } }, "a", "$eq"),
      refused({ a: LONG }, "a"),
      refused({ a: { $in: [LONG] } }, "a", "$in", 0),
      argument(
        "$in",
        Array.from({ length: 10_001 }, (_, item) => item),
      ),
    ],
  },
];
