import fc from "fast-check";

/** Includes names of inherited properties, which may also be own members. */
const NAMES = ["a", "b", "list", "v", "id", "constructor", "__proto__", "toString", "length"];

const PATHS = [
  ...["a", "b", "list", "v", "id", "missing"],
  ...["a.b", "a.b.a", "b.list", "list.0", "list.1.a", "missing.a"],
  ...[
    "constructor",
    "__proto__",
    "toString",
    "a.constructor",
    "__proto__.a",
    "list.length",
    "b.toString.name",
  ],
];

const NUMBERS = [0, 1, -1, 2, 5, 1.5, 1e21, 20_260_701];
const TEXTS = [
  "a",
  "A",
  "b",
  "B",
  "ab",
  "",
  "0",
  "1",
  "5",
  "1.5",
  " 5",
  "0x5",
  "-1",
  "1e3",
  "true",
  "null",
  "É",
  "constructor",
];
const VERSIONS = [
  ...["1", "1.0", "1.0.0", "v1.0.0", "1.0.0-beta", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0+build", "1.2.3.4"],
  ...[
    "2.0.0",
    "10.0.0",
    "1.99999.0",
    "1.100000.0",
    "1.0.0-a!",
    "1.0.0-a b",
    "1.0.0-a.1",
    "01.0.0",
    "beta",
    "1..2",
  ],
];
const PATTERNS = [
  ...[
    "a",
    "^a$",
    "b|A",
    "^[a-c]+$",
    "\\d",
    "^\\d+\\.\\d+",
    "^$",
    "ul",
    "[^a]",
    "1/5",
    "(?:ab)+",
    "constructor",
  ],
  ...["^v?1", "\\bb", "é", ".", "^object"],
];

/** The segments that generated conditions refer to. */
export const SEGMENTS: { readonly [name: string]: readonly string[] } = {
  beta: ["a", "5", "user-1"],
  nobody: [],
  constructor: ["1", "b"],
};

const SCALAR = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 5, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom(...VERSIONS) },
);

/** An object whose members are own members for all names, unlike an object literal's. */
const objectOf = <Value>(
  names: fc.Arbitrary<string>,
  values: fc.Arbitrary<Value>,
  minLength: number,
  maxLength: number,
): fc.Arbitrary<object> =>
  fc
    .uniqueArray(fc.tuple(names, values), { minLength, maxLength, selector: ([name]) => name })
    .map((members) => Object.fromEntries(members));

const { value: VALUE, members: MEMBERS } = fc.letrec<{ value: unknown; members: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small", withCrossShrink: true },
    { weight: 6, arbitrary: SCALAR },
    { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 3 }) },
    { weight: 2, arbitrary: tie("members") },
  ),
  members: objectOf(fc.constantFrom(...NAMES), tie("value"), 0, 3),
}));

/** Likely values of some attributes, so that conditions on them often match. */
const USUAL = new Map<string, fc.Arbitrary<unknown>>([
  ["a", SCALAR],
  ["b", MEMBERS],
  ["list", fc.array(VALUE, { minLength: 1, maxLength: 3 })],
  ["v", fc.constantFrom(...VERSIONS)],
  ["id", fc.constantFrom("a", "5", "user-1", 5, 1)],
]);

const ATTRIBUTE = fc
  .constantFrom(...NAMES)
  .chain((name) =>
    fc
      .oneof({ weight: 3, arbitrary: USUAL.get(name) ?? VALUE }, { weight: 1, arbitrary: VALUE })
      .map((value) => [name, value] as const),
  );

/** The attributes that a condition is evaluated against: JSON objects. */
export const ATTRIBUTES = fc
  .uniqueArray(ATTRIBUTE, { maxLength: 9, size: "max", selector: ([name]) => name })
  .map((members) => Object.fromEntries(members));

/** A value to compare with. Not an empty object, which is refused. */
const EQUAL = VALUE.filter(
  (value) =>
    typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length > 0,
);
const ORDERED = fc.oneof(fc.constantFrom(...NUMBERS), fc.constantFrom(...TEXTS));
const ITEMS = fc.array(SCALAR, { maxLength: 5 });
const VERSION = fc.constantFrom(...VERSIONS);
const PATTERN = fc.constantFrom(...PATTERNS);
const SEGMENT = fc.constantFrom(...Object.keys(SEGMENTS));
const TYPE = fc.constantFrom("string", "number", "boolean", "array", "object", "null");

/** Operators that suit these attributes. */
const TYPICAL = [
  ...["$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte", "$regex"].map((name) => ["v", name] as const),
  ...["$elemMatch", "$all", "$alli", "$size", "$in", "$ini"].map((name) => ["list", name] as const),
  ...["$inGroup", "$notInGroup"].map((name) => ["id", name] as const),
  ...["$gt", "$gte", "$lt", "$lte", "$regex", "$regexi", "$ini"].map((name) => ["a", name] as const),
  ...["$eq", "$ne"].map((name) => ["b", name] as const),
];

/** Not only operators, which would compare the item itself. */
const asksForMembers = (condition: object): boolean =>
  Object.keys(condition).length === 0 || Object.keys(condition).some((name) => !name.startsWith("$"));

/** The arguments of operators that contain no conditions. */
const PLAIN: { readonly [operator: string]: fc.Arbitrary<unknown> } = {
  ...Object.fromEntries(["$eq", "$ne"].map((name) => [name, VALUE])),
  ...Object.fromEntries(["$gt", "$gte", "$lt", "$lte"].map((name) => [name, ORDERED])),
  ...Object.fromEntries(["$in", "$nin", "$ini", "$nini"].map((name) => [name, ITEMS])),
  ...Object.fromEntries(["$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"].map((name) => [name, VERSION])),
  ...Object.fromEntries(["$regex", "$regexi"].map((name) => [name, PATTERN])),
  ...Object.fromEntries(["$inGroup", "$notInGroup"].map((name) => [name, SEGMENT])),
  $exists: fc.boolean(),
  $type: TYPE,
};

type Entry = readonly [name: string, value: unknown];

const entriesOf = (arguments_: typeof PLAIN): fc.Arbitrary<Entry> =>
  fc.oneof(...Object.entries(arguments_).map(([name, argument]) => fc.tuple(fc.constant(name), argument)));

const asObject = (entries: readonly Entry[]): object => Object.fromEntries(entries);

const nameOf = ([name]: Entry): string => name;

/** Nested conditions of all operators that GrowthBook has too. */
export const { condition: CONDITION } = fc.letrec<{
  condition: object;
  member: Entry;
  value: unknown;
  operators: object;
}>((tie) => {
  // One depth for all, so that nothing is nested deeper than a condition may be. At the limit the first choice is used.
  const depth = { maxDepth: 4, depthIdentifier: fc.createDepthIdentifier(), withCrossShrink: true };
  const conditions = fc.array(tie("condition"), { maxLength: 3 });
  const values = fc.array(tie("value"), { maxLength: 3 });
  const nesting = {
    $not: tie("value"),
    $size: fc.oneof(fc.nat({ max: 3 }), fc.record({ $gte: fc.nat({ max: 3 }) }, { noNullPrototype: true })),
    $elemMatch: fc.oneof(tie("operators"), tie("condition").filter(asksForMembers)),
    $all: values,
    $alli: values,
  };
  const all: typeof PLAIN = { ...PLAIN, ...nesting };
  const typical = TYPICAL.map(([path, name]) =>
    (all[name] ?? SCALAR).map((argument): Entry => [path, { [name]: argument }]),
  );
  const plain = entriesOf(PLAIN);
  return {
    condition: fc.uniqueArray(tie("member"), { maxLength: 3, selector: nameOf }).map(asObject),
    member: fc.oneof(
      depth,
      { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...PATHS), tie("value")) },
      { weight: 4, arbitrary: fc.oneof(...typical) },
      { weight: 2, arbitrary: fc.tuple(fc.constantFrom("$and", "$or", "$nor"), conditions) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("$not"), tie("condition")) },
    ),
    value: fc.oneof(
      depth,
      {
        weight: 4,
        arbitrary: fc.oneof(
          EQUAL,
          plain.map((entry) => asObject([entry])),
        ),
      },
      { weight: 3, arbitrary: tie("operators") },
    ),
    operators: fc
      .uniqueArray(
        fc.oneof(depth, { weight: 4, arbitrary: plain }, { weight: 1, arbitrary: entriesOf(nesting) }),
        { minLength: 1, maxLength: 2, selector: nameOf },
      )
      .map(asObject),
  };
});

/** A value with its members in reverse order, at every depth. */
function reversed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

/** An argument for which an operator matches a value; undefined when there is no useful one. */
function fitting(operator: string, value: unknown): unknown {
  if (operator === "$regex") return typeof value === "string" && /^\w+$/.test(value) ? value : undefined;
  if (operator === "$all") return [value].flat().filter((item) => JSON.stringify(item) !== "{}");
  return JSON.stringify(value) === "{}" ? undefined : value;
}

/** A condition and attributes. Some conditions compare with the actual value, which chance would rarely do. */
export const CASE = fc
  .tuple(
    CONDITION,
    ATTRIBUTES,
    fc.constantFrom("", "", "", "=", "$eq", "$ne", "$all", "$regex"),
    fc.constantFrom("a", "b", "list"),
  )
  .map(([condition, attributes, operator, name]): readonly [condition: object, attributes: object] => {
    const argument = fitting(
      operator,
      reversed((attributes as Readonly<Record<string, unknown>>)[name] ?? "a"),
    );
    if (operator === "" || argument === undefined) return [condition, attributes];
    return [{ ...condition, [name]: operator === "=" ? argument : { [operator]: argument } }, attributes];
  });

const BESIDE = fc.constantFrom<object>({}, { a: 1 }, { list: { $elemMatch: { b: { $gt: 1 } } } });

/** Logic around a condition, and the path through it. */
export const WRAPPING = fc
  .array(
    fc.record({
      operator: fc.constantFrom("$and", "$or", "$nor", "$not"),
      before: fc.array(BESIDE, { maxLength: 2 }),
    }),
    { maxLength: 3 },
  )
  .map(
    (wraps) =>
      (condition: object): { readonly condition: object; readonly path: readonly (string | number)[] } => {
        let wrapped = condition;
        const path: (string | number)[] = [];
        for (const { operator, before } of wraps) {
          wrapped = { [operator]: operator === "$not" ? wrapped : [...before, wrapped] };
          path.unshift(...(operator === "$not" ? [operator] : [operator, before.length]));
        }
        return { condition: wrapped, path };
      },
  );
