import fc from "fast-check";

/** A JSON Schema, as far as the OpenAPI document uses it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Finds what a `$ref` names. */
export type Resolve = (reference: string) => JsonSchema;

/** Values that fit a schema; those that only fit the words beside it (two decimals, no item twice) are made to, mostly. */
export function valuesOf(schema: JsonSchema, resolve: Resolve): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valuesOf(resolve(schema.$ref), resolve);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return fc.oneof(...either.map((choice) => valuesOf(choice, resolve)));
  if (schema.allOf !== undefined) {
    return fc
      .tuple(...schema.allOf.map((part) => valuesOf(part, resolve)))
      .map((parts): unknown => Object.assign({}, ...parts));
  }
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? ["object"]);
  return fc.oneof(...types.map((type) => (BY_TYPE[type] ?? (() => fc.jsonValue()))(schema, resolve)));
}

const BY_TYPE: Readonly<Record<string, (schema: JsonSchema, resolve: Resolve) => fc.Arbitrary<unknown>>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: ({ minimum = 0, maximum = 1_000 }) => fc.integer({ min: minimum, max: maximum }),
  number: ({ minimum = 0, maximum = 100 }) =>
    fc.integer({ min: Math.ceil(minimum * 100), max: Math.floor(maximum * 100) }).map((cents) => cents / 100),
  string: ({ pattern, minLength = 0, maxLength = 40 }) =>
    pattern === undefined
      ? fc.string({ minLength, maxLength: Math.min(maxLength, 40) })
      : matching(pattern).filter((text) => text.length >= minLength && text.length <= maxLength),
  array: ({ items = {}, maxItems = 5 }, resolve) =>
    fc.uniqueArray(valuesOf(items, resolve), {
      maxLength: Math.min(maxItems, 5),
      comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b),
    }),
  object: ({ properties = {}, required = [] }, resolve) =>
    fc.record(
      Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [name, valuesOf(member, resolve)]),
      ),
      { requiredKeys: [...required], noNullPrototype: true },
    ),
};

/** fast-check knows no lookahead: so it goes without, and what does not match after all is left out. */
function matching(pattern: string): fc.Arbitrary<string> {
  const whole = new RegExp(pattern);
  return fc
    .stringMatching(new RegExp(pattern.replace(/\(\?[!=][^)]*\)/g, "")))
    .filter((text) => whole.test(text));
}
