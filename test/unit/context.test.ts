import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_ATTRIBUTE_LENGTH, parseContext, withTargetingKey } from "../../shared/context.ts";

describe("a context", () => {
  test.for<{ name: string; given: object; context: object }>([
    { name: "of nobody", given: {}, context: {} },
    { name: "of a user", given: { userId: "u" }, context: { userId: "u", targetingKey: "u" } },
    {
      name: "of an anonymous one",
      given: { anonymousId: "a" },
      context: { anonymousId: "a", targetingKey: "a" },
    },
    {
      name: "of both",
      given: { userId: "u", anonymousId: "a" },
      context: { userId: "u", anonymousId: "a", targetingKey: "u" },
    },
    {
      name: "with a claimed targeting key",
      given: { userId: "u", targetingKey: "admin" },
      context: { userId: "u", targetingKey: "u" },
    },
    { name: "with nothing but a targeting key", given: { targetingKey: "admin" }, context: {} },
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
    { name: "with unknown attributes", given: { role: "admin", allowlist: ["u"] }, context: {} },
    { name: "with __proto__", given: JSON.parse('{"__proto__":{"isEmployee":true}}') as object, context: {} },
    { name: "with constructor", given: { constructor: { isEmployee: true } }, context: {} },
    {
      name: "with the longest id",
      given: { userId: "u".repeat(MAX_ATTRIBUTE_LENGTH) },
      context: { userId: "u".repeat(MAX_ATTRIBUTE_LENGTH), targetingKey: "u".repeat(MAX_ATTRIBUTE_LENGTH) },
    },
    {
      name: "as it came, untrimmed",
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
  ])("$given is refused", ({ given, problem }) => {
    expect(parseContext(given)).toStrictEqual({ problem: expect.stringContaining(problem) as string });
  });

  test("is read or refused whatever it is, and a problem holds no value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = parseContext({ userId: [value, "ada"], plan: value });
        expect(parsed).toHaveProperty("problem");
        expect(JSON.stringify(parsed)).not.toContain("ada");
        expect(Object.keys(parseContext(value))).toHaveLength(1);
      }),
    );
  });

  test("has its targeting key from the ids alone", () => {
    expect(withTargetingKey({ targetingKey: "admin" })).toStrictEqual({});
    expect(withTargetingKey({ targetingKey: "admin", userId: "" })).toStrictEqual({ userId: "" });
    expect(withTargetingKey({ userId: "", anonymousId: "a" })).toStrictEqual({
      userId: "",
      anonymousId: "a",
      targetingKey: "a",
    });
  });
});
