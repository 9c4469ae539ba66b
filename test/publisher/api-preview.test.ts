import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bucketU32, toBucket } from "../../shared/bucketing/bucket.ts";
import { startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;
let key: string;
let count = 0;

const USERS = Array.from({ length: 400 }, (_, n) => ({
  userId: `user-${n}`,
  plan: n % 4 === 0 ? "pro" : "free",
}));
let buckets: readonly number[];

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

beforeEach(async () => {
  key = `flag-${++count}`;
  await system.call("POST", "/api/v1/flags", { body: { key } });
  await system.call("PATCH", `/api/v1/flags/${key}/rollout`, { body: { rollout_pct: 25 }, ifMatch: "*" });
  await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: true }, ifMatch: "*" });
  buckets = await Promise.all(USERS.map(async ({ userId }) => toBucket(await bucketU32(key, userId))));
});

const preview = async (draft: unknown, contexts: unknown = USERS) =>
  system.call("POST", `/api/v1/flags/${key}/preview`, { body: { draft, contexts } });
const below = (percentage: number): number => buckets.filter((bucket) => bucket < percentage).length;
const dump = async (): Promise<string> =>
  JSON.stringify(await system.sql("select * from feature_flags, publication order by key"));

describe("who changes", () => {
  test("a larger percentage only adds, and is counted exactly", async () => {
    const before = await dump();
    const { status, body } = await preview({ rollout_pct: 60 });
    expect(status).toBe(200);
    const [some, more] = [below(25), below(60)];
    expect(body).toEqual({
      contexts: 400,
      before: { on: some, off: 400 - some },
      after: { on: more, off: 400 - more },
      gains: { count: more - some, by_variant: { on: more - some } },
      loses: { count: 0, by_variant: {} },
      moves: { count: 0, by_variants: [] },
      unchanged: 400 - (more - some),
      also: [],
      examples: {
        gains: USERS.filter((_, n) => (buckets[n] ?? 0) >= 25 && (buckets[n] ?? 0) < 60)
          .slice(0, 10)
          .map(({ userId }) => userId),
        loses: [],
        moves: [],
      },
      epoch: 1,
      revision: body.revision,
    });
    // Nothing is saved.
    expect(await dump()).toBe(before);
  });

  test("a smaller one only takes away; switched off, all go", async () => {
    const less = (await preview({ rollout_pct: 10 })).body;
    expect(less).toMatchObject({ gains: { count: 0 }, loses: { count: below(25) - below(10) } });
    const off = (await preview({ enabled: false })).body;
    expect(off).toMatchObject({ after: { on: 0, off: 400 }, loses: { count: below(25) } });
  });

  test("targeting, by a merge patch", async () => {
    const { body } = await preview({ targeting: { plans: ["pro"], allowlist: ["user-1"] } });
    const pro = USERS.filter((user, n) => user.plan === "pro" && (buckets[n] ?? 0) < 25).length;
    const first = (buckets[1] ?? 0) < 25 ? 0 : 1;
    expect(body).toMatchObject({
      after: { on: pro + 1 },
      gains: { count: first },
      loses: { count: below(25) - pro - (1 - first) },
    });
  });

  test("variants: who moves from which to which", async () => {
    const weigh = (a: number, b: number) => ({
      variants: [
        { key: "a", weight: a },
        { key: "b", weight: b },
      ],
    });
    await system.call("PATCH", `/api/v1/flags/${key}`, { body: weigh(50, 50), ifMatch: "*" });
    const { body } = await preview(weigh(20, 80));
    const places = await Promise.all(
      USERS.map(async ({ userId }) => toBucket(await bucketU32(`${key}:v`, userId))),
    );
    const moved = places.filter((place, n) => (buckets[n] ?? 0) < 25 && place >= 20 && place < 50).length;
    expect(moved).toBeGreaterThan(0);
    expect(body).toMatchObject({
      gains: { count: 0 },
      loses: { count: 0 },
      moves: { count: moved, by_variants: [{ from: "a", to: "b", count: moved }] },
      unchanged: 400 - moved,
    });
    const gains = (await preview({ ...weigh(50, 50), rollout_pct: 100 })).body["gains"] as {
      count: number;
      by_variant: Record<string, number>;
    };
    expect(gains.by_variant["a"]).toBeGreaterThan(0);
    expect((gains.by_variant["a"] ?? 0) + (gains.by_variant["b"] ?? 0)).toBe(gains.count);
  });

  test("flags that need this one change with it, whatever is between them", async () => {
    const needs = (flag: string) => ({ requires: [{ flag }] });
    for (const [name, flag] of [
      [`${key}-b`, key],
      [`${key}-c`, `${key}-b`],
    ] as const) {
      await system.call("POST", "/api/v1/flags", { body: { key: name, ...needs(flag) } });
      await system.call("PATCH", `/api/v1/flags/${name}/rollout`, {
        body: { rollout_pct: 100 },
        ifMatch: "*",
      });
      await system.call("PATCH", `/api/v1/flags/${name}/toggle`, { body: { enabled: true }, ifMatch: "*" });
    }
    const { body } = await preview({ rollout_pct: 10 });
    const loses = below(25) - below(10);
    expect(body["also"]).toEqual([
      { flag_key: `${key}-b`, gains: 0, loses },
      { flag_key: `${key}-c`, gains: 0, loses },
    ]);
  });

  test("rules, segments and bucketing by another attribute", async () => {
    await system.call("POST", "/api/v1/segments", { body: { name: `s-${count}`, ids: ["acme"] } });
    const contexts = Array.from({ length: 60 }, (_, n) => ({
      userId: `u${n}`,
      organization: n % 3 === 0 ? "acme" : `org-${n % 5}`,
    }));
    const rules = [{ id: "r", if: { organization: { $inGroup: `s-${count}` } }, rollout_pct: 100 }];
    const { body } = await preview(
      { rollout_pct: 50, targeting: { rules }, bucket_by: "organization" },
      contexts,
    );
    const organizations = await Promise.all(
      contexts.map(
        async ({ organization }) =>
          toBucket(await bucketU32(key, organization)) < 50 || organization === "acme",
      ),
    );
    expect(body["after"]).toEqual({
      on: organizations.filter(Boolean).length,
      off: organizations.filter((isOn) => !isOn).length,
    });
  });
});

describe("a sample", () => {
  test("of 10,000 contexts is taken, also when it is larger than other bodies may be", async () => {
    const contexts = Array.from({ length: 10_000 }, (_, n) => ({
      userId: `user-${n}`,
      note: "x".repeat(200),
    }));
    expect(JSON.stringify(contexts).length).toBeGreaterThan(2_000_000);
    const { status, body } = await preview({ rollout_pct: 100 }, contexts);
    expect([status, body["contexts"], (body["after"] as { on: number }).on]).toEqual([200, 10_000, 10_000]);
    const more = await preview({}, [...contexts, {}]);
    expect([more.status, more.body.errors?.[0]?.pointer]).toEqual([422, "/contexts"]);
  });

  test("of nobody, or of people without an id", async () => {
    expect((await preview({ rollout_pct: 100 }, [])).body).toMatchObject({ contexts: 0, unchanged: 0 });
    expect((await preview({ rollout_pct: 100 }, [{}, { plan: "pro" }])).body).toMatchObject({
      gains: { count: 2 },
      examples: { gains: [] },
    });
  });

  test.for([
    ["no contexts", { draft: {} }, "/contexts"],
    ["no draft", { contexts: [] }, "/draft"],
    ["a context that is none", { draft: {}, contexts: [{}, 5] }, "/contexts/1"],
    [
      "an attribute of another type",
      { draft: {}, contexts: [{ isEmployee: "yes" }] },
      "/contexts/0/isEmployee",
    ],
    ["an anonymous id as a user's", { draft: {}, contexts: [{ userId: "anon-1" }] }, "/contexts/0/userId"],
    ["an unknown member of the draft", { draft: { key: "x" }, contexts: [] }, "/draft/key"],
    ["a percentage beyond all", { draft: { rollout_pct: 101 }, contexts: [] }, "/draft/rollout_pct"],
    [
      "an id on both lists",
      { draft: { targeting: { allowlist: ["u"], blocklist: ["u"] } }, contexts: [] },
      "/draft/targeting/allowlist/0",
    ],
    [
      "an unknown operator",
      { draft: { targeting: { rules: [{ id: "r", if: { a: { $is: 1 } }, off: true }] } }, contexts: [] },
      "/draft/targeting/rules/0/if/a/$is",
    ],
    [
      "a flag that is not there",
      { draft: { requires: [{ flag: "nobody" }] }, contexts: [] },
      "/draft/requires/0/flag",
    ],
    ["an unknown member", { draft: {}, contexts: [], also: 1 }, "/also"],
  ] as const)("%s: refused, with where it is", async ([, body, pointer]) => {
    const answer = await system.call("POST", `/api/v1/flags/${key}/preview`, { body });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });

  test.for([
    [{}, "/draft", "is missing: it must be a JSON object"],
    [{ draft: null, contexts: [] }, "/draft", "must be a JSON object"],
    [{ draft: {} }, "/contexts", "is missing: it must be an array of evaluation contexts"],
    [[], "", "must be a JSON object"],
    ['"x"', "", "must be a JSON object"],
    [
      '{"draft": {}, "contexts": [{}, {"a": {"list": [1, {"__proto__": {}}]}}]}',
      "/contexts/1/a/list/1/__proto__",
      "cannot be used: JavaScript reserves the name __proto__",
    ],
  ] as const)("%j: refused with a pointer", async ([body, pointer, detail]) => {
    const answer = await system.call("POST", `/api/v1/flags/${key}/preview`, { body });
    expect(answer.body.errors?.[0]).toEqual({ pointer, detail });
    expect(answer.text).not.toContain("Invalid input");
  });

  test("for a flag that is not there", async () => {
    const answer = await system.call("POST", "/api/v1/flags/nobody/preview", {
      body: { draft: {}, contexts: [] },
    });
    expect(answer.status).toBe(404);
  });

  test("larger than a sample may be", async () => {
    const answer = await preview({}, ["x".repeat(9_000_000)]);
    expect(answer.status).toBe(413);
  });
});
