import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readFlags, type HeadersLike } from "../../shared/x-flags/read-flags.ts";
import {
  SIGNED_AT,
  SIGNED_CONTEXT,
  keyOf,
  keysText,
  signedHeaders,
  type SentHeaders,
} from "../support/signed-headers.ts";

const FLAGS = 'ai, copilot;v="beta"';
const OPTIONS = { keys: keysText("new", "old"), now: SIGNED_AT + 500 };

/** A signature of any content, made with the key but not by a worker. */
function signAnything(
  lines: readonly string[],
  params: string,
  secret: Uint8Array = keyOf("new").secret,
): SentHeaders {
  const base = [...lines, `"@signature-params": ${params}`].join("\n");
  const signature = createHmac("sha256", secret).update(base).digest("base64");
  return { "signature-input": `sluice=${params}`, signature: `sluice=:${signature}:` };
}

describe("a signature by the worker", () => {
  test.for<{ name: string; change: (headers: SentHeaders) => HeadersLike }>([
    { name: "from Node", change: (headers) => headers },
    { name: "from Fetch", change: (headers) => new Headers(headers as Record<string, string>) },
    {
      name: "in two header lines",
      change: (headers) => ({ ...headers, "x-flags": ["ai", 'copilot;v="beta"'] }),
    },
    { name: "with spaces around", change: (headers) => ({ ...headers, "x-flags": ` \t${FLAGS}\t ` }) },
    {
      name: "next to the client's own signature",
      change: (headers) => ({
        ...headers,
        "signature-input": `sig1=("@method");keyid="a, sluice=b", ${String(headers["signature-input"])}`,
        signature: `sig1=:AAAA:, ${String(headers["signature"])}`,
      }),
    },
    {
      name: "next to an invalid signature",
      change: (headers) => ({
        ...headers,
        signature: `keyId="x",algorithm="y", ${String(headers["signature"])}`,
      }),
    },
  ])("is valid: $name", async ({ change }) => {
    const flags = await readFlags(change(await signedHeaders({ flags: FLAGS })), OPTIONS);
    expect(flags.problem).toBeUndefined();
    expect(flags.enabled).toStrictEqual(["ai", "copilot"]);
    expect(flags.variant("copilot")).toBe("beta");
    expect(flags.context).toStrictEqual(SIGNED_CONTEXT);
    expect(flags.keyId).toBe("new");
  });

  test("is valid with no flag on", async () => {
    const flags = await readFlags(await signedHeaders(), OPTIONS);
    expect(flags.problem).toBeUndefined();
    expect(flags.enabled).toStrictEqual([]);
    expect(flags.context?.targetingKey).toBe("user-1");
  });

  test("is valid with parameters in another order", async () => {
    const headers = await signedHeaders({ flags: "ai" });
    const params =
      '("x-flags" "x-flags-context");tag="sluice";alg="hmac-sha256";keyid="new";created=1790000000';
    const lines = ['"x-flags": ai', `"x-flags-context": ${String(headers["x-flags-context"])}`];
    const flags = await readFlags({ ...headers, ...signAnything(lines, params) }, OPTIONS);
    expect(flags.problem).toBeUndefined();
    expect(flags.isEnabled("ai")).toBe(true);
  });

  test.for<{ at: string; now: number; maxAgeMs?: number; holds: boolean }>([
    { at: "at once", now: SIGNED_AT, holds: true },
    { at: "after 60 s", now: SIGNED_AT + 60_000, holds: true },
    { at: "later", now: SIGNED_AT + 60_001, holds: false },
    { at: "10 s before, by the reader's clock", now: SIGNED_AT - 10_000, holds: true },
    { at: "earlier", now: SIGNED_AT - 10_001, holds: false },
    { at: "after 5 s that are allowed", now: SIGNED_AT + 5_000, maxAgeMs: 5_000, holds: true },
    { at: "after more", now: SIGNED_AT + 5_001, maxAgeMs: 5_000, holds: false },
    { at: "in the year 5138", now: 99_999_999_999_999, holds: false },
  ])("$at: $holds", async ({ now, maxAgeMs, holds }) => {
    const flags = await readFlags(await signedHeaders({ flags: "ai" }), {
      keys: OPTIONS.keys,
      now,
      maxAgeMs,
    });
    expect(flags.isEnabled("ai")).toBe(holds);
    if (!holds) expect(flags.problem).toMatch(/older than \d+ ms|ahead: compare the clocks/);
  });

  test.for<{ signer: string; reader: string; holds: boolean }>([
    { signer: "old", reader: keysText("old"), holds: true },
    { signer: "old", reader: keysText("old", "new"), holds: true },
    { signer: "new", reader: keysText("old", "new"), holds: true },
    { signer: "new", reader: keysText("new", "old"), holds: true },
    { signer: "old", reader: keysText("new", "old"), holds: true },
    { signer: "old", reader: keysText("new"), holds: false },
    { signer: "new", reader: keysText("old"), holds: false },
  ])("during a rotation: signed by $signer, is valid: $holds", async ({ signer, reader, holds }) => {
    const headers = await signedHeaders({ flags: "ai", key: keyOf(signer) });
    const flags = await readFlags(headers, { ...OPTIONS, keys: reader });
    expect(flags.isEnabled("ai")).toBe(holds);
    expect(flags.keyId).toBe(holds ? signer : undefined);
    if (!holds) expect(flags.problem).toContain("not among `keys`");
  });

  test("is valid for parsed keys", async () => {
    const headers = await signedHeaders({ flags: "ai" });
    expect(
      (await readFlags(headers, { ...OPTIONS, keys: [keyOf("old"), keyOf("new")] })).isEnabled("ai"),
    ).toBe(true);
    expect((await readFlags(headers, { ...OPTIONS, keys: [] })).isEnabled("ai")).toBe(false);
  });
});

describe("all off, and why", () => {
  const input = (headers: SentHeaders): string => String(headers["signature-input"]);
  /** Signed correctly, but with other parameters than a worker's. */
  const resigned = (headers: SentHeaders, params: string): SentHeaders => ({
    ...headers,
    ...signAnything(
      ['"x-flags": ai', `"x-flags-context": ${String(headers["x-flags-context"])}`],
      `("x-flags" "x-flags-context")${params}`,
    ),
  });

  test.for<{ name: string; change: (headers: SentHeaders) => SentHeaders; problem: string }>([
    {
      name: "unsigned",
      change: ({ "x-flags": flags, "x-flags-context": context }) => ({
        "x-flags": flags,
        "x-flags-context": context,
      }),
      problem: "not signed: no Signature-Input header",
    },
    {
      name: "without the signature itself",
      change: ({ signature: _, ...rest }) => rest,
      problem: "not signed: no Signature header",
    },
    {
      name: "signed only by the client",
      change: (headers) => ({ ...headers, "signature-input": input(headers).replace("sluice", "sig1") }),
      problem: "no `sluice` in Signature-Input",
    },
    {
      name: "in another case",
      change: (headers) => ({ ...headers, "signature-input": input(headers).replace("sluice", "Sluice") }),
      problem: "no `sluice` in Signature-Input",
    },
    {
      name: "the label inside a string",
      change: (headers) => ({ ...headers, signature: `a="sluice=:${"A".repeat(43)}=:"` }),
      problem: "no `sluice` in Signature",
    },
    {
      name: "after an open quote",
      change: (headers) => ({ ...headers, signature: `a=", ${String(headers["signature"])}` }),
      problem: "no `sluice` in Signature",
    },
    {
      name: "a second label in front",
      change: (headers) => ({
        ...headers,
        "signature-input": `sluice=("x-flags");created=1, ${input(headers)}`,
      }),
      problem: "Signature-Input has several members called `sluice`",
    },
    {
      name: "a second signature in a second header",
      change: (headers) => ({ ...headers, signature: [`sluice=:AAAA:`, String(headers["signature"])] }),
      problem: "Signature has several members called `sluice`",
    },
    {
      name: "garbage as input",
      change: (headers) => ({ ...headers, "signature-input": "sluice=(((" }),
      problem: "`sluice` in Signature-Input is malformed",
    },
    {
      name: "an input that is not a list",
      change: (headers) => ({ ...headers, "signature-input": "sluice=1" }),
      problem: "does not list the signed headers",
    },
    {
      name: "a string as signature",
      change: (headers) => ({ ...headers, signature: 'sluice="AAAA"' }),
      problem: "Signature is not 32 bytes",
    },
    {
      name: "half a signature",
      change: (headers) => ({ ...headers, signature: "sluice=:AAAAAAAAAAAAAAAAAAAAAA==:" }),
      problem: "Signature is not 32 bytes",
    },
    {
      name: "another signature",
      change: (headers) => ({ ...headers, signature: `sluice=:${"A".repeat(43)}=:` }),
      problem: "does not fit the headers",
    },
    {
      name: "a header of 20 KB",
      change: (headers) => ({
        ...headers,
        "signature-input": `${input(headers)}, a="${"a".repeat(20_000)}"`,
      }),
      problem: "longer than",
    },
    {
      name: "one more flag",
      change: (headers) => ({ ...headers, "x-flags": "ai, copilot" }),
      problem: "does not fit",
    },
    {
      name: "one more flag in a second header",
      change: (headers) => ({ ...headers, "x-flags": ["ai", "copilot"] }),
      problem: "does not fit",
    },
    {
      name: "another variant",
      change: (headers) => ({ ...headers, "x-flags": 'ai;v="b"' }),
      problem: "does not fit",
    },
    {
      name: "the flags removed",
      change: ({ "x-flags": _, ...rest }) => rest,
      problem: 'does not cover exactly ("x-flags-context")',
    },
    { name: "empty flags", change: (headers) => ({ ...headers, "x-flags": "" }), problem: "does not fit" },
    {
      name: "another user",
      change: (headers) => ({
        ...headers,
        "x-flags-context": String(headers["x-flags-context"]).replace(/key=:[^:]*:/, "key=:dXNlci0y:"),
      }),
      problem: "does not fit the headers",
    },
    {
      name: "a later time",
      change: (headers) => ({
        ...headers,
        "signature-input": input(headers).replace("1790000000", "1790000001"),
      }),
      problem: "does not fit the headers",
    },
    {
      name: "another key's id",
      change: (headers) => ({ ...headers, "signature-input": input(headers).replace('"new"', '"old"') }),
      problem: "does not fit the headers",
    },
    {
      name: "an unknown key's id",
      change: (headers) => ({
        ...headers,
        "signature-input": input(headers).replace('"new"', '"__proto__"'),
      }),
      problem: "not among `keys`",
    },
    {
      name: "another tag",
      change: (headers) => resigned(headers, ';created=1790000000;keyid="new";alg="hmac-sha256";tag="other"'),
      problem: "tag is not sluice",
    },
    {
      name: "no tag",
      change: (headers) => resigned(headers, ';created=1790000000;keyid="new";alg="hmac-sha256"'),
      problem: "must have the parameters",
    },
    {
      name: "another algorithm",
      change: (headers) => resigned(headers, ';created=1790000000;keyid="new";alg="ed25519";tag="sluice"'),
      problem: "alg is not hmac-sha256",
    },
    {
      name: "an algorithm that is a token",
      change: (headers) => resigned(headers, ';created=1790000000;keyid="new";alg=hmac-sha256;tag="sluice"'),
      problem: "alg is not hmac-sha256",
    },
    {
      name: "no creation time",
      change: (headers) => resigned(headers, ';keyid="new";alg="hmac-sha256";tag="sluice"'),
      problem: "must have the parameters",
    },
    {
      name: "an invalid time",
      change: (headers) => resigned(headers, ';created="now";keyid="new";alg="hmac-sha256";tag="sluice"'),
      problem: "created is not a whole number",
    },
    {
      name: "a time with a fraction of a second",
      change: (headers) =>
        resigned(headers, ';created=1790000000.5;keyid="new";alg="hmac-sha256";tag="sluice"'),
      problem: "created is not a whole number",
    },
    {
      name: "a key id that is not a string",
      change: (headers) => resigned(headers, ';created=1790000000;keyid=1;alg="hmac-sha256";tag="sluice"'),
      problem: "keyid is not a string",
    },
    {
      name: "one more parameter",
      change: (headers) =>
        resigned(
          headers,
          ';created=1790000000;keyid="new";alg="hmac-sha256";tag="sluice";expires=1890000000',
        ),
      problem: "and no others",
    },
    {
      name: "only the context signed, and flags added",
      change: (headers) => ({
        ...headers,
        ...signAnything(
          [`"x-flags-context": ${String(headers["x-flags-context"])}`],
          '("x-flags-context");created=1790000000;keyid="new";alg="hmac-sha256";tag="sluice"',
        ),
      }),
      problem: 'does not cover exactly ("x-flags" "x-flags-context")',
    },
    {
      name: "nothing signed",
      change: (headers) => ({
        ...headers,
        ...signAnything([], '();created=1790000000;keyid="new";alg="hmac-sha256";tag="sluice"'),
      }),
      problem: "does not cover exactly",
    },
    {
      name: "a part of the flags signed",
      change: (headers) => ({
        ...headers,
        ...signAnything(
          ['"x-flags";key="ai": ?1', `"x-flags-context": ${String(headers["x-flags-context"])}`],
          '("x-flags";key="ai" "x-flags-context");created=1790000000;keyid="new";alg="hmac-sha256";tag="sluice"',
        ),
      }),
      problem: "does not cover exactly",
    },
    {
      name: "a second line in a value",
      change: (headers) => ({ ...headers, "x-flags": 'ai\n"x-flags-context": a=1' }),
      problem: "x-flags is malformed",
    },
    {
      name: "a lone surrogate, which UTF-8 cannot encode",
      change: (headers) => ({ ...headers, "x-flags": "\ud800" }),
      problem: "x-flags is malformed",
    },
  ])("$name", async ({ change, problem }) => {
    const flags = await readFlags(change(await signedHeaders({ flags: "ai" })), OPTIONS);
    expect(flags.enabled).toStrictEqual([]);
    expect(flags.isEnabled("ai")).toBe(false);
    expect(flags.context).toBeUndefined();
    expect(flags.keyId).toBeUndefined();
    expect(flags.problem).toContain(problem);
    expect(flags.details("ai")).toMatchObject({ value: false, reason: "ERROR", errorCode: "GENERAL" });
  });

  test.for<{ name: string; options: object; problem: string }>([
    {
      name: "keys that are not set",
      options: { keys: undefined, now: SIGNED_AT },
      problem: "is SIGNING_KEYS set?",
    },
    { name: "empty keys", options: { keys: "", now: SIGNED_AT }, problem: "is SIGNING_KEYS set?" },
    { name: "no keys at all", options: { keys: null, now: SIGNED_AT }, problem: "no request" },
    {
      name: "invalid keys",
      options: { keys: "hunter2", now: SIGNED_AT },
      problem: "key 1 must be kid:base64",
    },
    {
      name: "short keys",
      options: { keys: "a:aHVudGVyMg==", now: SIGNED_AT },
      problem: "32 to 256 bytes",
    },
    { name: "no clock", options: { keys: OPTIONS.keys }, problem: "pass Date.now()" },
    {
      name: "an invalid clock",
      options: { keys: OPTIONS.keys, now: Number.NaN },
      problem: "pass Date.now()",
    },
    {
      name: "a clock that is a function",
      options: { keys: OPTIONS.keys, now: Date.now },
      problem: "pass Date.now()",
    },
    { name: "an invalid age", options: { ...OPTIONS, maxAgeMs: Number.NaN }, problem: "`maxAgeMs`" },
    { name: "an infinite age", options: { ...OPTIONS, maxAgeMs: Infinity }, problem: "`maxAgeMs`" },
    { name: "no options", options: null as unknown as object, problem: "no request" },
  ])("given $name", async ({ options, problem }) => {
    const flags = await readFlags(await signedHeaders({ flags: "ai" }), options);
    expect(flags.enabled).toStrictEqual([]);
    expect(flags.problem).toContain(problem);
    expect(flags.problem).not.toContain("hunter2");
  });

  test.for([undefined, null, 1, "x", { get: () => 7 }])("given %j for headers", async (headers) => {
    const flags = await readFlags(headers as unknown as HeadersLike, OPTIONS);
    expect(flags.enabled).toStrictEqual([]);
    expect(flags.problem).toBeTypeOf("string");
  });
});

test("the types also require a clock with keys", async () => {
  const headers = await signedHeaders({ flags: "ai" });
  // @ts-expect-error without `now`
  expect((await readFlags(headers, { keys: OPTIONS.keys })).enabled).toStrictEqual([]);
  // The value of an environment variable is accepted as it is.
  const given = process.env["SLUICE_TEST_NOT_SET"];
  expect((await readFlags(headers, { keys: given, now: SIGNED_AT })).enabled).toStrictEqual([]);
});
