import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFlagsContext, type FlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags, type HeadersLike } from "../../shared/x-flags/read-flags.ts";

const CONTEXT: FlagsContext = {
  version: { epoch: 1, revision: 412 },
  ageMs: 1200,
  at: 1_790_000_000_000,
  targetingKey: "user-1",
  method: "GET",
  host: "example.com",
  path: "/",
  source: "memory",
};
const CONTEXT_HEADER = encodeFlagsContext(CONTEXT);

describe("a worker's headers", () => {
  test.for<{ name: string; headers: HeadersLike; enabled: readonly string[] }>([
    {
      name: "from Fetch",
      headers: new Headers({ "X-Flags": "ai, copilot", "X-Flags-Context": CONTEXT_HEADER }),
      enabled: ["ai", "copilot"],
    },
    {
      name: "from Node",
      headers: { "x-flags": "ai, copilot", "x-flags-context": CONTEXT_HEADER, host: "example.com" },
      enabled: ["ai", "copilot"],
    },
    {
      name: "as a list",
      headers: { "x-flags": ["ai", "copilot"], "x-flags-context": [CONTEXT_HEADER] },
      enabled: ["ai", "copilot"],
    },
    { name: "nothing on", headers: { "x-flags-context": CONTEXT_HEADER }, enabled: [] },
    {
      name: "nothing on, undefined",
      headers: { "x-flags": undefined, "x-flags-context": CONTEXT_HEADER },
      enabled: [],
    },
    {
      name: "nothing on, an empty list",
      headers: { "x-flags": [], "x-flags-context": CONTEXT_HEADER },
      enabled: [],
    },
    {
      name: "nothing on, empty",
      headers: { "x-flags": "", "x-flags-context": CONTEXT_HEADER },
      enabled: [],
    },
    {
      name: "next to a header named get",
      headers: { get: "x", "x-flags": "ai", "x-flags-context": CONTEXT_HEADER },
      enabled: ["ai"],
    },
    {
      name: "a list whose last member is off",
      headers: { "x-flags": ["ai", "ai=?0"], "x-flags-context": CONTEXT_HEADER },
      enabled: [],
    },
  ])("$name", async ({ headers, enabled }) => {
    const flags = await readFlags(headers);
    expect(flags.enabled).toStrictEqual(enabled);
    expect(flags.isEnabled("ai")).toBe(enabled.includes("ai"));
    expect(flags.context).toStrictEqual(CONTEXT);
    expect(flags.problem).toBeUndefined();
  });

  test("return value, variant and reason", async () => {
    const flags = await readFlags({
      "x-flags": 'ai, copilot;v="beta"',
      "x-flags-context": CONTEXT_HEADER,
    });
    expect(flags.details("ai")).toStrictEqual({ value: true, variant: "on", reason: "TARGETING_MATCH" });
    expect(flags.details("copilot")).toStrictEqual({
      value: true,
      variant: "beta",
      reason: "TARGETING_MATCH",
    });
    expect(flags.details("other")).toStrictEqual({ value: false, variant: "off", reason: "DEFAULT" });
    expect(flags.variant("copilot")).toBe("beta");
    expect(flags.variant("other")).toBe("off");
  });

  test("return the value of a variant", async () => {
    const flags = await readFlags({
      "x-flags":
        'ai, broken;v="b";val="{", copilot;v="beta";val="{\\"model\\":\\"large\\"}", nothing;v="n";val="null"',
      "x-flags-context": CONTEXT_HEADER,
    });
    expect(flags.value("copilot")).toStrictEqual({ model: "large" });
    expect(flags.details("copilot")).toStrictEqual({
      value: true,
      variant: "beta",
      variantValue: { model: "large" },
      reason: "TARGETING_MATCH",
    });
    expect(flags.value("nothing")).toBeNull();
    expect(flags.details("nothing")).toHaveProperty("variantValue", null);
    // A flag is on with its variant, even if the value is unreadable.
    expect(flags.value("broken")).toBeUndefined();
    expect(flags.details("broken")).toStrictEqual({ value: true, variant: "b", reason: "TARGETING_MATCH" });
    expect(flags.value("ai")).toBeUndefined();
    expect(flags.value("other")).toBeUndefined();
    expect(flags.value("constructor")).toBeUndefined();
  });

  test("return a separate copy of the value to every caller", async () => {
    const flags = await readFlags({ "x-flags": 'a;v="b";val="[1]"', "x-flags-context": CONTEXT_HEADER });
    (flags.value("a") as number[]).push(2);
    expect(flags.value("a")).toStrictEqual([1]);
  });

  test("contain no flag with the name of an inherited property", async () => {
    const flags = await readFlags({ "x-flags": "ai", "x-flags-context": CONTEXT_HEADER });
    for (const key of ["constructor", "toString", "__proto__", ""]) {
      expect(flags.isEnabled(key)).toBe(false);
    }
  });
});

describe("all off, and why", () => {
  test.for<{ name: string; headers: HeadersLike; problem: string }>([
    { name: "no headers", headers: {}, problem: "no x-flags-context header" },
    { name: "no headers, Fetch", headers: new Headers(), problem: "no x-flags-context header" },
    { name: "flags without a context", headers: { "x-flags": "ai" }, problem: "no x-flags-context header" },
    {
      name: "flags without a context, Fetch",
      headers: new Headers({ "x-flags": "ai" }),
      problem: "no x-flags-context header",
    },
    {
      name: "an empty context",
      headers: { "x-flags": "ai", "x-flags-context": "" },
      problem: "x-flags-context is malformed",
    },
    {
      name: "an empty list as context",
      headers: { "x-flags": "ai", "x-flags-context": [] },
      problem: "x-flags-context is malformed",
    },
    {
      name: "a context in another format",
      headers: { "x-flags": "ai", "x-flags-context": "a=1, b=2" },
      problem: "x-flags-context is malformed",
    },
    {
      name: "two contexts",
      headers: { "x-flags": "ai", "x-flags-context": [CONTEXT_HEADER, CONTEXT_HEADER] },
      problem: "x-flags-context is malformed",
    },
    {
      name: "a context that is too long",
      headers: { "x-flags": "ai", "x-flags-context": `long=${"1".repeat(16_384)}, ${CONTEXT_HEADER}` },
      problem: "x-flags-context is malformed",
    },
    {
      name: "malformed flags",
      headers: { "x-flags": "ai, COPILOT", "x-flags-context": CONTEXT_HEADER },
      problem: "x-flags is malformed",
    },
    {
      name: "flags that are too long",
      headers: { "x-flags": `ai, ${"b".repeat(16_384)}`, "x-flags-context": CONTEXT_HEADER },
      problem: "x-flags is malformed",
    },
  ])("$name", async ({ headers, problem }) => {
    const flags = await readFlags(headers);
    expect(flags.isEnabled("ai")).toBe(false);
    expect(flags.variant("ai")).toBe("off");
    expect(flags.enabled).toStrictEqual([]);
    expect(flags.context).toBeUndefined();
    expect(flags.problem).toContain(problem);
    expect(flags.details("ai")).toStrictEqual({
      value: false,
      variant: "off",
      reason: "ERROR",
      errorCode: "PARSE_ERROR",
      errorMessage: flags.problem,
    });
  });
});

describe("any headers", () => {
  const HEADER_VALUE = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^[ -~]*$/),
    fc.stringMatching(/^[a-z]+(;v="[a-z]*")?(, [a-z]+(=\?[01])?)*$/),
    fc.array(fc.string({ unit: "grapheme" }), { maxLength: 4 }),
    fc.constant(undefined),
  );

  test("turn nothing on without a worker's context", async () => {
    await fc.assert(
      fc.asyncProperty(HEADER_VALUE, HEADER_VALUE, async (flagsHeader, contextHeader) => {
        const flags = await readFlags({ "x-flags": flagsHeader, "x-flags-context": contextHeader });
        expect(flags.enabled).toStrictEqual([]);
        expect(flags.problem).toBeTypeOf("string");
      }),
    );
  });

  test("turn nothing on that x-flags does not name", async () => {
    const pieces = fc.constantFrom("ai", "copilot", "=?0", "=?1", "=1", ";v=", '"', ",", " ", "(", ")", "=");
    const mutated = fc.oneof(
      HEADER_VALUE,
      fc.array(pieces, { maxLength: 12 }).map((some) => some.join("")),
    );
    await fc.assert(
      fc.asyncProperty(mutated, async (header) => {
        const flags = await readFlags({ "x-flags": header, "x-flags-context": CONTEXT_HEADER });
        const text = [header].flat().join(", ");
        for (const key of flags.enabled) expect(text).toContain(key);
        const absent = ["ai", "copilot", "search"].filter((key) => !text.includes(key));
        expect(absent.filter((key) => flags.isEnabled(key))).toStrictEqual([]);
      }),
    );
  });

  test("with a changed context are read or refused, and never throw", async () => {
    const cut = fc.tuple(fc.nat(CONTEXT_HEADER.length), fc.nat(20), fc.string());
    await fc.assert(
      fc.asyncProperty(cut, async ([start, length, piece]) => {
        const header = CONTEXT_HEADER.slice(0, start) + piece + CONTEXT_HEADER.slice(start + length);
        const flags = await readFlags({ "x-flags": "ai", "x-flags-context": header });
        expect(flags.isEnabled("ai")).toBe(flags.context !== undefined);
        expect(flags.problem === undefined).toBe(flags.context !== undefined);
      }),
    );
  });
});
