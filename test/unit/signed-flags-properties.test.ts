import fc from "fast-check";
import { expect, test } from "vitest";
import { readFlags, type RequestLike } from "../../shared/x-flags/read-flags.ts";
import { SIGNED_AT, SIGNED_CONTEXT, keysText, signedHeaders } from "../support/signed-headers.ts";
import { isFull, runs } from "../support/thoroughness.ts";

const OPTIONS = { keys: keysText("new", "old"), now: SIGNED_AT };
const RUNS = { numRuns: runs(10_000) };

const NAMES = ["x-flags", "x-flags-context", "signature-input", "signature"] as const;
type Sent = Record<string, string | readonly string[] | undefined>;

const SIGNED = (await signedHeaders({ flags: 'ai, copilot;v="beta";val="{}"' })) as Record<string, string>;
const SIGNED_OFF = (await signedHeaders()) as Record<string, string>;

/** Parts of headers, and characters that break header parsers. */
const PIECE = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.stringMatching(/^[ -~]{0,20}$/),
  fc.constantFrom(
    ...[
      "ai",
      "listed",
      ",",
      ", ",
      ";",
      '"',
      '\\"',
      "=",
      "(",
      ")",
      ":",
      "?0",
      "?1",
      "@1",
      " ",
      "\t",
      "\r\n",
      "\u0000",
    ],
    ...[
      "sluice=",
      "sluice",
      "=:AAAA:",
      'tag="sluice"',
      ";created=1790000000",
      'keyid="old"',
      "x-flags",
      "\ud800",
    ],
    ...[
      "__proto__",
      '__proto__="x"',
      '"x-flags";key="ai"',
      "constructor",
      "é",
      "\u{1F680}",
      '"x-flags-context": ',
    ],
  ),
);

const VALUE = fc.oneof(
  fc.array(PIECE, { maxLength: 12 }).map((pieces) => pieces.join("")),
  fc.array(fc.string({ unit: "grapheme" }), { maxLength: 4 }),
  fc.constantFrom(undefined, "", ...Object.values(SIGNED), ...Object.values(SIGNED_OFF)),
);

/** One change of a text: a piece is replaced by another one. */
const EDIT = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(12), PIECE);

function edit(text: string, [at, length, piece]: readonly [number, number, string]): string {
  const start = Math.floor(at * text.length);
  return `${text.slice(0, start)}${piece}${text.slice(start + length)}`;
}

/** A worker's headers, some of them edited, removed, doubled, or replaced by another header's value. */
const MUTATED = fc
  .tuple(
    fc.constantFrom(SIGNED, SIGNED_OFF),
    fc.array(
      fc.tuple(
        fc.constantFrom(...NAMES),
        fc.oneof(
          { weight: 8, arbitrary: EDIT.map((change) => (value: string) => edit(value, change)) },
          { weight: 1, arbitrary: fc.constant(() => undefined) },
          { weight: 1, arbitrary: fc.constant((value: string) => [value, value]) },
          { weight: 2, arbitrary: VALUE.map((other) => () => other) },
          {
            weight: 2,
            arbitrary: VALUE.map((other) => (value: string) => [[other ?? ""].flat().join(), value]),
          },
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([original, changes]) => {
    const sent: Sent = { ...original };
    for (const [name, change] of changes) sent[name] = change([sent[name] ?? ""].flat().join(", "));
    return sent;
  });

/** The effective value of a header: values of one name joined to a list, without surrounding spaces. */
const plain = (value: Sent[string]): string | undefined =>
  value === undefined
    ? undefined
    : [value]
        .flat()
        .map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ""))
        .join(", ");

test("forged headers turn nothing on", async () => {
  const sent = fc.record(Object.fromEntries(NAMES.map((name) => [name, VALUE])));
  await fc.assert(
    fc.asyncProperty(sent, async (headers) => {
      const isWhole = [SIGNED, SIGNED_OFF].some((signed) =>
        NAMES.every((name) => plain(headers[name]) === signed[name]),
      );
      fc.pre(!isWhole);
      const flags = await readFlags(headers, OPTIONS);
      expect(flags.enabled).toStrictEqual([]);
      expect(flags.problem).toBeTypeOf("string");
    }),
    RUNS,
  );
});

test("changed headers are refused, or return exactly what was signed", async () => {
  let [off, whole] = [0, 0];
  await fc.assert(
    fc.asyncProperty(MUTATED, async (headers) => {
      const flags = await readFlags(headers, OPTIONS);
      if (flags.problem !== undefined) {
        off += 1;
        expect(flags.enabled).toStrictEqual([]);
        expect(flags.isEnabled("ai")).toBe(false);
        expect(flags.problem.length).toBeLessThan(200);
        return;
      }
      whole += 1;
      const signed = [SIGNED, SIGNED_OFF].map((one) => [one["x-flags"], one["x-flags-context"]]);
      expect(signed).toContainEqual([plain(headers["x-flags"]), plain(headers["x-flags-context"])]);
    }),
    RUNS,
  );
  // Some changes affect nothing that is signed, but many do.
  if (isFull) expect(off).toBeGreaterThan(1_000);
  if (isFull) expect(whole).toBeGreaterThan(100);
});

test("a changed request is refused", async () => {
  const { method, host, path } = SIGNED_CONTEXT;
  const part = (value: string) =>
    fc.oneof(
      fc.constant(value),
      EDIT.map((change) => edit(value, change)),
    );
  const asked = fc.record({ method: part(method), host: part(host), path: part(path) });
  let [same, other] = [0, 0];
  await fc.assert(
    fc.asyncProperty(asked, fc.boolean(), async (parts, isNodes) => {
      const { host: sentTo, path: url } = parts;
      const request = isNodes ? { method: parts.method, url, headers: { host: sentTo } } : parts;
      const flags = await readFlags(SIGNED, { ...OPTIONS, request });
      const isSame = parts.method === method && sentTo.toLowerCase() === host && url === path;
      expect(flags.isEnabled("ai")).toBe(isSame);
      if (isSame) same += 1;
      else other += 1;
    }),
    RUNS,
  );
  if (isFull) expect(Math.min(same, other)).toBeGreaterThan(100);
});

test("an invalid request is refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything({ withNullPrototype: true, withBigInt: true }), async (given) => {
      const flags = await readFlags(SIGNED, { ...OPTIONS, request: given as RequestLike | undefined });
      expect(flags.isEnabled("ai")).toBe(given === undefined);
    }),
  );
});
