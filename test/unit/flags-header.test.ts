import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { computeBuckets, decide } from "../../shared/evaluate/evaluate.ts";
import {
  decodeFlags,
  decodeFlagsContext,
  encodeFlags,
  encodeFlagsContext,
  type FlagsContext,
} from "../../shared/x-flags/flags-header.ts";
import type { SnapshotFlag, SnapshotVariant } from "../../shared/flag/flag.ts";
import { jsonOrUndefined } from "../../shared/flag/members.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";

async function headerOf(flags: readonly SnapshotFlag[], userId = "user-1"): Promise<string | undefined> {
  const compiled = compile({ schema: SCHEMA, flags });
  const context = withTargetingKey({ userId });
  return encodeFlags(compiled, decide(compiled, context, await computeBuckets(compiled, context)));
}

const flagOn = (key: string, more: Partial<SnapshotFlag> = {}): SnapshotFlag => ({
  key,
  enabled: true,
  rollout_pct: 100,
  ...more,
});

const CONTEXT: FlagsContext = {
  version: { epoch: 1, revision: 412 },
  ageMs: 1200,
  at: 1_790_000_000_000,
  targetingKey: "user-1",
  method: "GET",
  host: "example.com",
  path: "/ai/search?q=1",
  source: "memory",
};

describe("x-flags, written", () => {
  test("names the flags that are on, sorted by key", async () => {
    expect(await headerOf([flagOn("copilot"), flagOn("ai_search"), flagOn("ai-b")])).toBe(
      "ai-b, ai_search, copilot",
    );
  });

  test("leaves out flags that are off, invalid, or not for the header", async () => {
    const header = await headerOf([
      flagOn("a"),
      flagOn("b", { enabled: false }),
      flagOn("c", { rollout_pct: 0 }),
      flagOn("d", { in_header: false }),
      flagOn("e", { invalid: "broken" }),
    ]);
    expect(header).toBe("a");
  });

  test("is absent when nothing is on", async () => {
    expect(await headerOf([])).toBeUndefined();
    expect(await headerOf([flagOn("a", { enabled: false })])).toBeUndefined();
  });

  test("is off for a flag without a decision", () => {
    expect(encodeFlags(compile({ schema: SCHEMA, flags: [flagOn("a")] }), [])).toBeUndefined();
  });
});

describe("x-flags with variants", () => {
  const one = (value?: unknown): SnapshotFlag => {
    const variant: SnapshotVariant = { key: "beta", ranges: [[0, 10_000]] };
    return flagOn("copilot", { variants: [value === undefined ? variant : { ...variant, value }] });
  };

  test.for<{ value: unknown; header: string }>([
    { value: undefined, header: 'copilot;v="beta"' },
    { value: null, header: 'copilot;v="beta";val="null"' },
    { value: false, header: 'copilot;v="beta";val="false"' },
    { value: 0.1, header: 'copilot;v="beta";val="0.1"' },
    { value: "", header: 'copilot;v="beta";val="\\"\\""' },
    { value: [], header: 'copilot;v="beta";val="[]"' },
    { value: { model: "large" }, header: 'copilot;v="beta";val="{\\"model\\":\\"large\\"}"' },
    { value: 'a"b\\c', header: 'copilot;v="beta";val="\\"a\\\\\\"b\\\\\\\\c\\""' },
    { value: "M\u00fcller", header: 'copilot;v="beta";val="\\"M\\\\u00fcller\\""' },
    { value: "\ud83d\ude80", header: 'copilot;v="beta";val="\\"\\\\ud83d\\\\ude80\\""' },
    { value: "\u007f\u0000\n", header: 'copilot;v="beta";val="\\"\\\\u007f\\\\u0000\\\\n\\""' },
  ])("$value", async ({ value, header }) => {
    expect(await headerOf([one(value)])).toBe(header);
  });

  test("every JSON value survives the header, which is printable ASCII", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5, stringUnit: "binary" }), async (given) => {
        // In JSON, -0 becomes 0.
        const value: unknown = JSON.parse(JSON.stringify(given));
        const header = (await headerOf([one(value)])) ?? "";
        expect(header).toMatch(/^copilot;v="beta";val="[\x20-\x7e]+"$/);
        const on = decodeFlags(header)?.get("copilot");
        expect(on?.variant).toBe("beta");
        expect(jsonOrUndefined(on?.json)).toStrictEqual(value);
      }),
    );
  });

  test("each user gets their own variant", async () => {
    const variants: readonly SnapshotVariant[] = [
      { key: "a", ranges: [[0, 5_000]], value: 1 },
      { key: "b", ranges: [[5_000, 10_000]], value: 2 },
    ];
    const seen = new Set<string>();
    for (let n = 1; n <= 20; n += 1) {
      seen.add((await headerOf([flagOn("m", { variants })], `user-${n}`)) ?? "");
    }
    expect([...seen].sort()).toStrictEqual(['m;v="a";val="1"', 'm;v="b";val="2"']);
  });

  test.for([
    { header: 'ai;v="a"', json: undefined },
    { header: 'ai;v="a";val="{}"', json: "{}" },
    { header: 'ai;v="a";val="x"', json: "x" },
    { header: 'ai;v="a";val=""', json: "" },
    { header: 'ai;val="1"', json: "1" },
    { header: 'ai;v="a";val=1', json: undefined },
    { header: 'ai;v="a";val', json: undefined },
    { header: 'ai;v="a";val=?1', json: undefined },
    { header: 'ai;v="a";val=token', json: undefined },
    { header: 'ai;v="a";val=:e30=:', json: undefined },
    { header: 'ai;v="a";val="1";val="2"', json: "2" },
  ])("the JSON of $header is $json", ({ header, json }) => {
    expect(decodeFlags(header)?.get("ai")?.json).toBe(json);
  });

  test.for([undefined, "", "x", "{", "undefined", "NaN", "1 2", "{'a':1}"])("%j is not a value", (json) => {
    expect(jsonOrUndefined(json)).toBeUndefined();
  });
});

describe("x-flags, read", () => {
  test.for<{ header: string; flags: readonly (readonly [key: string, variant: string])[] | undefined }>([
    { header: "", flags: [] },
    { header: "ai", flags: [["ai", "on"]] },
    { header: "ai=?1", flags: [["ai", "on"]] },
    {
      header: "  ai ,\tcopilot  ",
      flags: [
        ["ai", "on"],
        ["copilot", "on"],
      ],
    },
    { header: 'ai;v="beta"', flags: [["ai", "beta"]] },
    { header: 'ai;v="beta";w=1', flags: [["ai", "beta"]] },
    { header: "ai;v=beta", flags: [["ai", "on"]] },
    { header: "ai;v=1", flags: [["ai", "on"]] },
    { header: "ai;v", flags: [["ai", "on"]] },
    // Only the value true means that the flag is on.
    { header: "ai=?0", flags: [] },
    { header: "ai=1", flags: [] },
    { header: "ai=0", flags: [] },
    { header: "ai=on", flags: [] },
    { header: "ai=true", flags: [] },
    { header: 'ai="on"', flags: [] },
    { header: "ai=:dHJ1ZQ==:", flags: [] },
    { header: "ai=@1790000000", flags: [] },
    { header: 'ai=%"on"', flags: [] },
    { header: "ai=()", flags: [] },
    { header: "ai=(?1)", flags: [] },
    { header: "ai=(?1 ?1);v=1", flags: [] },
    { header: "ai=?0, copilot", flags: [["copilot", "on"]] },
    // The last of two members counts (RFC 9651, section 3.2).
    { header: "ai, ai", flags: [["ai", "on"]] },
    { header: "ai, ai=?0", flags: [] },
    { header: "ai=?0, ai", flags: [["ai", "on"]] },
    { header: 'ai;v="a", ai;v="b"', flags: [["ai", "b"]] },
    { header: "constructor", flags: [["constructor", "on"]] },
    // A malformed header is ignored as a whole.
    { header: ",", flags: undefined },
    { header: "ai,", flags: undefined },
    { header: "ai,,copilot", flags: undefined },
    { header: "ai copilot", flags: undefined },
    { header: "ai=", flags: undefined },
    { header: "ai=?2", flags: undefined },
    { header: "ai=?", flags: undefined },
    { header: "AI", flags: undefined },
    { header: "1ai", flags: undefined },
    { header: "__proto__", flags: undefined },
    { header: "ai;v=", flags: undefined },
    { header: 'ai;v="beta', flags: undefined },
    { header: "ai=(?1", flags: undefined },
    { header: "ai, \u00fcber", flags: undefined },
    { header: "ai\n", flags: undefined },
    { header: "ai\0", flags: undefined },
    { header: '{"ai":true}', flags: undefined },
  ])("$header", ({ header, flags }) => {
    const read = decodeFlags(header);
    expect(read && [...read].map(([key, { variant }]) => [key, variant])).toStrictEqual(flags);
  });

  test("is refused when it is longer than any header of a worker", () => {
    const longest = "a".repeat(16_384);
    expect(decodeFlags(longest)?.size).toBe(1);
    expect(decodeFlags(`${longest}a`)).toBeUndefined();
  });

  test("returns what was written", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          fc.record({
            key: fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/),
            enabled: fc.boolean(),
            rollout_pct: fc.constant(100),
            in_header: fc.boolean(),
          }),
          { selector: (flag) => flag.key, maxLength: 20 },
        ),
        async (flags) => {
          const header = await headerOf(flags);
          const expected = flags.filter((flag) => flag.enabled && flag.in_header).map((flag) => flag.key);
          const sorted = expected.sort();
          expect([...(decodeFlags(header ?? "") ?? [])]).toStrictEqual(
            sorted.map((key) => [key, { variant: "on" }]),
          );
          expect(header === undefined).toBe(sorted.length === 0);
        },
      ),
    );
  });
});

describe("x-flags-context, written", () => {
  test("is a dictionary", () => {
    expect(encodeFlagsContext({ ...CONTEXT, stale: true })).toBe(
      'epoch=1, rev=412, age=1200, key=:dXNlci0x:, m="GET", h="example.com", p="/ai/search?q=1", src=memory, stale, at=@1790000000',
    );
  });

  test("names the flags that a test override decided, before the date", () => {
    const { method, host, path, at } = CONTEXT;
    const overridden = {
      method,
      host,
      path,
      at,
      source: "none",
      override: ["ai_search", "co-pilot"],
    } as const;
    expect(encodeFlagsContext(overridden)).toBe(
      'm="GET", h="example.com", p="/ai/search?q=1", src=none, override=(ai_search co-pilot), at=@1790000000',
    );
    expect(encodeFlagsContext({ ...overridden, override: [] })).not.toContain("override");
  });

  test("has no version, age or key when they are unknown", () => {
    const { method, host, path, at } = CONTEXT;
    expect(encodeFlagsContext({ method, host, path, at, source: "none", stale: false })).toBe(
      'm="GET", h="example.com", p="/ai/search?q=1", src=none, at=@1790000000',
    );
  });

  test("escapes, and never splits the header", () => {
    const header = encodeFlagsContext({ ...CONTEXT, path: '/"\\\r\nx-flags: all\u00fc\ud83d\ude80\0' });
    expect(header).toMatch(/^[\x20-\x7e]+$/);
    expect(decodeFlagsContext(header)?.path).toBe('/"\\??x-flags: all???');
  });

  test("never has a negative age", () => {
    expect(decodeFlagsContext(encodeFlagsContext({ ...CONTEXT, ageMs: -5 }))?.ageMs).toBe(0);
  });
});

describe("x-flags-context, read", () => {
  const right = 'm="GET", h="a.test", p="/", src=redis, at=@1790000000';
  const read = { method: "GET", host: "a.test", path: "/", source: "redis", at: 1_790_000_000_000 };

  test.for<{ header: string; context: object | undefined }>([
    { header: right, context: read },
    { header: `epoch=2, rev=7, ${right}`, context: { ...read, version: { epoch: 2, revision: 7 } } },
    { header: `age=0, ${right}`, context: { ...read, ageMs: 0 } },
    { header: `stale, ${right}`, context: { ...read, stale: true } },
    { header: `stale=?0, ${right}`, context: read },
    { header: `stale=1, ${right}`, context: read },
    { header: `key=::, ${right}`, context: { ...read, targetingKey: "" } },
    { header: `override=(ai b-c), ${right}`, context: { ...read, override: ["ai", "b-c"] } },
    { header: `override=(ai;w=1), ${right}`, context: { ...read, override: ["ai"] } },
    { header: `future=1, ${right}`, context: read },
    // A member in a form that no worker writes counts as missing.
    { header: `epoch=2, ${right}`, context: read },
    { header: `rev=7, ${right}`, context: read },
    { header: `epoch="2", rev=7, ${right}`, context: read },
    { header: `age="0", ${right}`, context: read },
    { header: `key="user-1", ${right}`, context: read },
    { header: `key=:/w==:, ${right}`, context: read },
    { header: `override, ${right}`, context: read },
    { header: `override=ai, ${right}`, context: read },
    { header: `override=(), ${right}`, context: read },
    { header: `override=("ai" 1 ?1 :YWk=:), ${right}`, context: read },
    // A context without one of these is not from a worker.
    { header: "", context: undefined },
    { header: right.replace('m="GET", ', ""), context: undefined },
    { header: right.replace('h="a.test", ', ""), context: undefined },
    { header: right.replace('p="/", ', ""), context: undefined },
    { header: right.replace("src=redis, ", ""), context: undefined },
    { header: right.replace(", at=@1790000000", ""), context: undefined },
    { header: right.replace("redis", "elsewhere"), context: undefined },
    { header: right.replace("redis", "(redis)"), context: undefined },
    { header: right.replace("@1790000000", "1790000000"), context: undefined },
    { header: right.replace("@1790000000", "@"), context: undefined },
    { header: right.replace("@1790000000", "@9999999999999999"), context: undefined },
    { header: right.replace("@1790000000", "@999999999999999"), context: undefined },
    { header: right.replace('m="GET"', "m=GET"), context: undefined },
    { header: right.replace('p="/"', "p=1"), context: undefined },
    { header: right.replace('p="/"', 'p="/'), context: undefined },
    { header: right.replace('p="/"', 'p="/\u00fc"'), context: undefined },
    { header: `${right},`, context: undefined },
    { header: "memory", context: undefined },
    // Two headers, from a client and from the worker: neither is trusted.
    { header: `${right}, ${right}`, context: undefined },
  ])("$header", ({ header, context }) => {
    expect(decodeFlagsContext(header)).toStrictEqual(context);
  });

  test("returns what was written, for any bytes of the targeting key", () => {
    const count = fc.nat(1_000_000_000);
    const printable = fc.string({ unit: "grapheme-ascii" });
    fc.assert(
      fc.property(
        fc.record(
          {
            version: fc.record({ epoch: count, revision: count }, { noNullPrototype: true }),
            ageMs: count,
            at: count.map((seconds) => seconds * 1000),
            targetingKey: fc.string({ unit: "binary" }).map((key) => key.toWellFormed()),
            method: fc.constantFrom("GET", "POST", "DELETE"),
            host: printable,
            path: printable,
            source: fc.constantFrom("memory", "redis", "colo", "none"),
            stale: fc.constant(true as const),
            override: fc.array(fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/), { minLength: 1, maxLength: 20 }),
          },
          { requiredKeys: ["at", "method", "host", "path", "source"], noNullPrototype: true },
        ),
        (context: FlagsContext) => {
          expect(decodeFlagsContext(encodeFlagsContext(context))).toStrictEqual(context);
        },
      ),
      // A byte order mark is an ordinary part of the id.
      { examples: [[{ ...CONTEXT, targetingKey: "\ufeffuser-1" }]] },
    );
  });
});
