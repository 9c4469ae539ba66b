import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MAX_ATTRIBUTES,
  MAX_ATTRIBUTE_LENGTH,
  MAX_ATTRIBUTE_NAME,
  MAX_CONTEXT_VALUES,
  parseContext,
  withTargetingKey,
} from "../../shared/flag/context.ts";

const LONGEST = "n".repeat(MAX_ATTRIBUTE_NAME);

/** Parsed from JSON, so that it is an own member. */
const PROTO = JSON.parse('{"__proto__":{"isEmployee":true}}') as object;

const ofMany = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, n]));

describe("an evaluation context", () => {
  test.for<{ name: string; given: object; context: object }>([
    { name: "without attributes", given: {}, context: {} },
    { name: "of a user", given: { userId: "u" }, context: { userId: "u", targetingKey: "u" } },
    {
      name: "of an anonymous visitor",
      given: { anonymousId: "a" },
      context: { anonymousId: "a", targetingKey: "a" },
    },
    {
      name: "with both ids",
      given: { userId: "u", anonymousId: "a" },
      context: { userId: "u", anonymousId: "a", targetingKey: "u" },
    },
    {
      name: "with a claimed targeting key",
      given: { userId: "u", targetingKey: "admin" },
      context: { userId: "u", targetingKey: "u" },
    },
    { name: "with only a targeting key", given: { targetingKey: "admin" }, context: {} },
    {
      name: "with every attribute",
      given: { userId: "u", plan: "pro", isEmployee: false, email: "e", organization: "o", country: "DE" },
      context: {
        userId: "u",
        plan: "pro",
        isEmployee: false,
        email: "e",
        organization: "o",
        country: "DE",
        targetingKey: "u",
      },
    },
    { name: "with empty texts", given: { userId: "", anonymousId: "", plan: "" }, context: {} },
    { name: "with nulls", given: { userId: null, isEmployee: null }, context: {} },
    {
      name: "with any other attribute",
      given: { role: "admin", score: 0.5, beta: true, teams: ["a", 1, false], org: { id: 7, tags: [["x"]] } },
      context: {
        role: "admin",
        score: 0.5,
        beta: true,
        teams: ["a", 1, false],
        org: { id: 7, tags: [["x"]] },
      },
    },
    {
      name: "with nested empty texts and nulls",
      given: { org: { name: "", owner: null }, teams: ["", null] },
      context: { org: { name: "" }, teams: ["", null] },
    },
    {
      name: "with the deepest nesting",
      given: { a: [[[[["x"]]]]] },
      context: { a: [[[[["x"]]]]] },
    },
    { name: "with the longest name", given: { [LONGEST]: 1 }, context: { [LONGEST]: 1 } },
    {
      name: "with the longest id",
      given: { userId: "u".repeat(MAX_ATTRIBUTE_LENGTH) },
      context: { userId: "u".repeat(MAX_ATTRIBUTE_LENGTH), targetingKey: "u".repeat(MAX_ATTRIBUTE_LENGTH) },
    },
    {
      name: "with spaces, which stay",
      given: { userId: " U " },
      context: { userId: " U ", targetingKey: " U " },
    },
  ])("$name", ({ given, context }) => {
    expect(parseContext(given)).toStrictEqual({ context });
  });

  test.for<{ given: unknown; problem: string }>([
    { given: null, problem: "must be a JSON object" },
    { given: [], problem: "must be a JSON object" },
    { given: "user-1", problem: "must be a JSON object" },
    { given: 7, problem: "must be a JSON object" },
    { given: undefined, problem: "must be a JSON object" },
    { given: { userId: 7 }, problem: 'attribute "userId" must be a string' },
    { given: { userId: ["u"] }, problem: 'attribute "userId" must be a string' },
    { given: { plan: true }, problem: 'attribute "plan" must be a string' },
    { given: { isEmployee: "true" }, problem: 'attribute "isEmployee" must be a boolean' },
    { given: { isEmployee: 1 }, problem: 'attribute "isEmployee" must be a boolean' },
    { given: { userId: "u".repeat(MAX_ATTRIBUTE_LENGTH + 1) }, problem: "is longer than 256 characters" },
    { given: { role: "r".repeat(MAX_ATTRIBUTE_LENGTH + 1) }, problem: "is longer than 256 characters" },
    { given: { a: [{ b: "r".repeat(MAX_ATTRIBUTE_LENGTH + 1) }] }, problem: "is longer than 256 characters" },
    { given: { score: Infinity }, problem: 'attribute "score" must be a string, a finite number' },
    { given: { a: [Number.NaN] }, problem: 'attribute "a" must be a string, a finite number' },
    { given: { a: undefined }, problem: 'attribute "a" must be a string' },
    { given: { a: [[[[[[]]]]]] }, problem: 'attribute "a" is nested deeper than 5' },
    { given: { a: { a: { a: { a: { a: { a: {} } } } } } }, problem: 'attribute "a" is nested deeper than 5' },
    { given: { "": 1 }, problem: "has an empty name" },
    { given: { a: { "": 1 } }, problem: 'attribute "a" has a member that has an empty name' },
    { given: { [`${LONGEST}x`]: 1 }, problem: "has a name of more than 128 characters" },
    { given: PROTO, problem: 'attribute "__proto__" cannot be used' },
    { given: { a: [PROTO] }, problem: 'attribute "a" has a member that cannot be used' },
    { given: ofMany(MAX_ATTRIBUTES + 1), problem: "has more than 100 attributes" },
    { given: { a: Array.from({ length: MAX_CONTEXT_VALUES }, () => 1) }, problem: "exceeds the limit" },
    { given: { a: Array.from({ length: MAX_CONTEXT_VALUES }, () => null) }, problem: "exceeds the limit" },
  ])("$given is refused", ({ given, problem }) => {
    expect(parseContext(given)).toStrictEqual({ problem: expect.stringContaining(problem) as string });
  });

  test("any input is read or refused, and a problem quotes no value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = parseContext({ userId: [value, "ada"], plan: value });
        expect(parsed).toHaveProperty("problem");
        expect(JSON.stringify(parsed)).not.toContain("ada");
        expect(Object.keys(parseContext(value))).toHaveLength(1);
      }),
    );
  });

  test("is accepted up to its limits", () => {
    expect(parseContext({ a: Array.from({ length: MAX_CONTEXT_VALUES - 1 }, () => 1) })).toHaveProperty(
      "context",
    );
    expect(parseContext(ofMany(MAX_ATTRIBUTES))).toHaveProperty("context");
    // Values that are left out do not count.
    expect(parseContext({ ...ofMany(MAX_ATTRIBUTES), more: null, still: "" })).toHaveProperty("context");
  });

  test("hostile depth and size are refused early", () => {
    let deep: unknown = 1;
    for (let n = 0; n < 100_000; n += 1) deep = [deep];
    expect(parseContext({ deep })).toStrictEqual({ problem: 'attribute "deep" is nested deeper than 5' });
    expect(parseContext({ wide: Array.from({ length: 1_000_000 }, () => "x") })).toHaveProperty("problem");
  });

  test.for([
    '{"constructor":{"prototype":{"isEmployee":true}}}',
    '{"toString":"x","hasOwnProperty":{"valueOf":1}}',
    '{"__defineGetter__":1,"prototype":{"constructor":"x"}}',
  ])("may have attributes with names that every object inherits: %s", (json) => {
    const parsed = parseContext(JSON.parse(json));
    expect("context" in parsed && JSON.stringify(parsed.context)).toBe(json);
    expect(({} as { isEmployee?: boolean }).isEmployee).toBeUndefined();
  });

  test("is a copy that inherits nothing from the input", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (given) => {
        const before = JSON.stringify(given);
        const parsed = parseContext(given);
        expect(JSON.stringify(given)).toBe(before);
        expect(({} as { isEmployee?: boolean }).isEmployee).toBeUndefined();
        const context: object = "context" in parsed ? parsed.context : {};
        expect(Object.getPrototypeOf(context)).toBe(Object.prototype);
        expect(Object.hasOwn(context, "__proto__")).toBe(false);
      }),
    );
  });

  test("derives its targeting key from the ids only", () => {
    expect(withTargetingKey({ targetingKey: "admin" })).toStrictEqual({});
    expect(withTargetingKey({ targetingKey: "admin", userId: "" })).toStrictEqual({ userId: "" });
    expect(withTargetingKey({ userId: "", anonymousId: "a" })).toStrictEqual({
      userId: "",
      anonymousId: "a",
      targetingKey: "a",
    });
  });
});
