import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../shared/compile/compile.ts";
import {
  SCHEMA,
  killedKeys,
  parseHead,
  parseOff,
  parseSnapshot,
  type Snapshot,
} from "../../shared/snapshot/snapshot.ts";

const HEAD = {
  schema: 1,
  epoch: 1,
  revision: 412,
  database_id: "5f0c4a52-0d0c-4c3a-9d53-2f3f2f6c1b11",
  digest: "0".repeat(64),
  bytes: 9120,
  published_at: "2026-10-01T12:00:00.000Z",
};
const SNAPSHOT = { schema: 1, flags: [{ key: "ai_search", enabled: true, rollout_pct: 25 }] };
const SEGMENTED = { ...SNAPSHOT, segments: [{ name: "beta", ids: ["user-1"] }] };
const OFF = { ai_search: [1, 411], copilot: null };

/** Any text, any JSON, and a valid text with one member changed or a piece removed. */
const textsLike = (right: object): fc.Arbitrary<string> => {
  const text = JSON.stringify(right);
  const cut = fc
    .tuple(fc.nat(text.length), fc.nat(text.length), fc.string())
    .map(([start, length, piece]) => {
      return text.slice(0, start) + piece + text.slice(start + length);
    });
  const changed = fc
    .tuple(fc.constantFrom(...Object.keys(right)), fc.jsonValue())
    .map(([name, value]) => JSON.stringify({ ...right, [name]: value }));
  return fc.oneof(fc.string({ unit: "binary" }), fc.json(), cut, changed);
};

describe("any value in Redis is read or refused, and never throws", () => {
  test.for([
    { name: "head", right: HEAD, parse: parseHead },
    { name: "snapshot", right: SNAPSHOT, parse: parseSnapshot },
    { name: "off", right: OFF, parse: parseOff },
  ])("$name", ({ name, right, parse }) => {
    expect(parse(JSON.stringify(right))).toHaveProperty("value");
    fc.assert(
      fc.property(textsLike(right), (text) => {
        const parsed: { readonly value?: unknown; readonly problem?: string } = parse(text);
        expect(typeof parsed.value === "object" || parsed.problem?.startsWith(`${name}: `)).toBe(true);
      }),
    );
  });

  test("a snapshot that was read can be compiled", () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.oneof(textsLike(SNAPSHOT), textsLike(SEGMENTED)), (text) => {
        const parsed = parseSnapshot(text);
        const snapshot: Snapshot = "value" in parsed ? parsed.value : { schema: SCHEMA, flags: [] };
        expect(compile(snapshot).flags.length).toBeLessThanOrEqual(snapshot.flags.length);
      }),
    );
  });

  test("an off that was read only names flags", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.string(), fc.stringMatching(/^[a-z_-]{1,70}$/)), fc.jsonValue()),
        (off) => {
          const parsed = parseOff(JSON.stringify(off));
          const killed = "value" in parsed ? [...killedKeys(parsed.value, { epoch: 0, revision: 0 })] : [""];
          for (const key of killed) expect(key).toMatch(/^[a-z][a-z0-9_-]{0,63}$/);
        },
      ),
    );
  });
});

test.for([
  { change: { schema: 2 }, problem: "schema 2 is newer than 1" },
  { change: { schema: "1" }, problem: "schema must be 1" },
  { change: { schema: undefined }, problem: "schema must be 1" },
  { change: { schema: 0 }, problem: "schema must be 1" },
  { change: { epoch: "1" }, problem: "must be integers from 0" },
  { change: { epoch: -1 }, problem: "must be integers from 0" },
  { change: { revision: 1.5 }, problem: "must be integers from 0" },
  { change: { revision: 2 ** 53 }, problem: "must be integers from 0" },
  { change: { revision: null }, problem: "must be integers from 0" },
  { change: { bytes: undefined }, problem: "must be integers from 0" },
  { change: { database_id: "" }, problem: "database_id must be a string" },
  { change: { database_id: 7 }, problem: "database_id must be a string" },
  { change: { database_id: "d".repeat(65) }, problem: "database_id must be a string" },
  { change: { digest: "0".repeat(63) }, problem: "digest must be 64 lower-case hex digits" },
  { change: { digest: "A".repeat(64) }, problem: "digest must be 64 lower-case hex digits" },
  { change: { digest: `${"0".repeat(64)}\n` }, problem: "digest must be 64 lower-case hex digits" },
  { change: { published_at: 0 }, problem: "published_at must be a string" },
])("a head with $change is refused", ({ change, problem }) => {
  expect(parseHead(JSON.stringify({ ...HEAD, ...change }))).toStrictEqual({
    problem: expect.stringContaining(problem) as string,
  });
});

test("additions are ignored, because they never raise the schema", () => {
  expect(parseHead(JSON.stringify({ ...HEAD, colo: "FRA" }))).toStrictEqual({ value: HEAD });
  const identified = { ...HEAD, lineage_id: "5f0c4a52-0d0c-4c3a-9d53-2f3f2f6c1b12" };
  expect(parseHead(JSON.stringify(identified))).toStrictEqual({ value: identified });
  expect(parseHead(JSON.stringify({ ...HEAD, lineage_id: 7 }))).toStrictEqual({ value: HEAD });
  expect(parseSnapshot(JSON.stringify({ ...SNAPSHOT, built_by: "x" }))).toStrictEqual({ value: SNAPSHOT });
});

test("a snapshot may have a list of segments", () => {
  const withSegments = { ...SNAPSHOT, segments: [{ name: "beta", ids: ["user-1"] }, null] };
  expect(parseSnapshot(JSON.stringify(withSegments))).toStrictEqual({ value: withSegments });
  for (const segments of [null, {}, "beta"]) {
    expect(parseSnapshot(JSON.stringify({ ...SNAPSHOT, segments }))).toStrictEqual({
      problem: "snapshot: segments must be an array",
    });
  }
});

test("a problem never quotes the input", () => {
  const secret = "ada@example.com";
  const texts = [
    secret,
    JSON.stringify(secret),
    JSON.stringify([secret]),
    JSON.stringify({ schema: secret, flags: [] }),
    JSON.stringify({ schema: 1, flags: secret }),
    ...Object.keys(HEAD).map((name) => JSON.stringify({ ...HEAD, [name]: [secret] })),
  ];
  const problems = [parseHead, parseSnapshot, parseOff]
    .flatMap((parse) => texts.map((text) => parse(text)))
    .filter((parsed) => "problem" in parsed);
  expect(problems.length).toBeGreaterThan(15);
  expect(JSON.stringify(problems)).not.toContain("ada");
});
