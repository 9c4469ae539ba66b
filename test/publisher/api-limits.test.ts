import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readFlagSizes, readSegmentSize, readSnapshotBound } from "../../publisher/write/flag-sizes.ts";
import { compile } from "../../shared/compile/compile.ts";
import { encodeFlags } from "../../shared/x-flags/flags-header.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";

/** Printed, so that a run can be had again. */
const seed = Math.floor(Math.random() * 2 ** 31);

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());
/** Removes the gates first: flags that vanish with their gates are not published away. */
async function removeAllFlags(of: ApiSystem): Promise<void> {
  await of.sql("update feature_flags set gates = '[]'");
  await of.sql("truncate feature_flags");
}
afterEach(() => removeAllFlags(system));

const create = (body: object, to = system) => to.call("POST", "/api/v1/flags", { body });
const patch = (key: string, body: object, to = system) =>
  to.call("PATCH", `/api/v1/flags/${key}`, { body, ifMatch: "*" });
const keyOf = (n: number, length = 62): string => `k${n}`.padEnd(length, "x");

async function snapshotBytes(): Promise<number> {
  return Buffer.byteLength(String(await system.redisCommand("GET", redisKey("snapshot"))));
}

describe("members of maximum size", () => {
  test("targeting, gates, tags and texts at their limits", async () => {
    const ids = (prefix: string, count: number, length: number) =>
      Array.from({ length: count }, (_, n) => `${prefix}${n}`.padEnd(length, "x"));
    const body = {
      key: "k".repeat(64),
      description: "d".repeat(1_000),
      owner: "😀".repeat(100),
      tags: ids("t", 20, 50),
      targeting: {
        allowlist: ids("a", 10_000, 24),
        blocklist: ids("b", 10_000, 24),
        plans: ids("p", 100, 256),
      },
      gates: Array.from({ length: 20 }, (_, n) => ({
        pattern: `/${n}/`.padEnd(256, "p"),
        otherwise: { rewrite: `/r${n}/`.padEnd(512, "r") },
      })),
    };
    const { status, body: answer } = await create(body);
    expect(status).toBe(201);
    expect(answer.flag).toMatchObject(body);
    expect(answer.flag["invalid"]).toBeUndefined();
    expect(answer.published).toBe(true);
  });

  test.for([0, 100, 0.01, 33.33, 99.99, 1e1, 2.5e1])("%d percent", async (percentage) => {
    await create({ key: "pct" });
    const answer = await system.call("PATCH", "/api/v1/flags/pct/rollout", {
      body: { rollout_pct: percentage },
      ifMatch: "*",
    });
    expect([answer.status, answer.body.flag["rollout_pct"]]).toEqual([200, percentage]);
  });
});

describe("x-flags with every flag on: at most 8,192 bytes", () => {
  /** 128 keys of 62 bytes, each with ", ": 8,192 bytes by the bound, which counts one ", " too many. */
  const KEYS = Array.from({ length: 128 }, (_, n) => keyOf(n));

  test("the last flag that fits is accepted, and one more is refused until another leaves the header", async () => {
    await system.sql("insert into feature_flags (key) select unnest($1::text[])", [KEYS.slice(0, 127)]);
    expect((await create({ key: KEYS[127] })).status).toBe(201);
    const compiled = compile({
      schema: SCHEMA,
      flags: KEYS.map((key) => ({ key, enabled: true, rollout_pct: 100 })),
    });
    const decisions = KEYS.map(() => ({ value: true, variant: "on", reason: "STATIC" }) as const);
    expect(encodeFlags(compiled, decisions)).toHaveLength(8_190);

    const refused = await create({ key: "a" });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([
      {
        pointer: "/in_header",
        detail: expect.stringMatching(/would have 8195 bytes, more than 8192/) as string,
      },
    ]);
    expect((await create({ key: "a", in_header: false })).status).toBe(201);
    expect((await patch("a", { in_header: true })).status).toBe(422);

    await system.call("POST", `/api/v1/flags/${KEYS[0]}/archive`);
    expect((await patch("a", { in_header: true })).status).toBe(200);
    const restored = await system.call("POST", `/api/v1/flags/${KEYS[0]}/restore`);
    expect([restored.status, restored.body.errors?.[0]?.pointer]).toEqual([422, "/in_header"]);
  });

  test("of thirty concurrent writes, exactly those that fit are accepted", async () => {
    await system.sql("insert into feature_flags (key) select unnest($1::text[])", [KEYS.slice(0, 118)]);
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => create({ key: keyOf(500 + n) })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(20);
  });

  test("what does not make it longer is never refused, however long SQL has made it", async () => {
    await system.sql(
      "insert into feature_flags (key, enabled, rollout_pct) select unnest($1::text[]), true, 50",
      [[...KEYS, "a", "b"]],
    );
    const path = "/api/v1/flags/a";
    expect((await system.call("PATCH", `${path}/rollout`, { body: { rollout_pct: 1 } })).status).toBe(200);
    expect((await system.call("PATCH", `${path}/toggle`, { body: { enabled: false } })).status).toBe(200);
    expect((await patch("a", { description: "too many flags" })).status).toBe(200);
    expect((await patch("a", { in_header: false })).status).toBe(200);
    expect((await create({ key: "c" })).status).toBe(422);
  });
});

describe("the snapshot: at most MAX_SNAPSHOT_BYTES", () => {
  const MAX = 20_000;
  let database: TestDatabase;
  let small: ApiSystem;

  beforeAll(async () => {
    database = await createTestDatabase();
    small = await startApiSystem({ databaseUrl: database.url, maxSnapshotBytes: MAX });
  });
  afterAll(async () => {
    await small.stop();
    await database.drop();
  });
  afterEach(() => removeAllFlags(small));

  const ids = (bytes: number) => ({
    allowlist: Array.from({ length: bytes / 100 }, (_, n) => `${n}`.padEnd(96, "x")),
  });
  const bytesInRedis = async () =>
    Buffer.byteLength(String(await small.redisCommand("GET", redisKey("snapshot"))));

  test("what may not fit is refused, with how much it is", async () => {
    expect((await create({ key: "half", targeting: ids(10_000) }, small)).status).toBe(201);
    const refused = await create({ key: "other", targeting: ids(10_000) }, small);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([
      {
        pointer: "/targeting",
        detail: expect.stringMatching(/could reach 2\d{4} bytes, more than 20000/) as string,
      },
    ]);
    expect((await create({ key: "other", targeting: ids(9_000) }, small)).status).toBe(201);
    expect((await patch("other", { targeting: ids(10_000) }, small)).status).toBe(422);
    expect(await bytesInRedis()).toBeLessThanOrEqual(MAX);
  });

  test("of twenty at once, only those are taken that fit together", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => create({ key: `k${n}`, targeting: ids(2_000) }, small)),
    );
    const taken = answers.filter(({ status }) => status === 201);
    expect(taken.length).toBeGreaterThanOrEqual(8);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(20 - taken.length);
    expect(await bytesInRedis()).toBeLessThanOrEqual(MAX);
  });

  test("what is there already can be narrowed, renamed for people, killed and archived", async () => {
    await small.sql(
      `insert into feature_flags (key, enabled, rollout_pct, targeting) select 'big' || n, true, 50,
        jsonb_build_object('allowlist', (select jsonb_agg(repeat('x', 90) || i) from generate_series(1, 100) i)) from generate_series(1, 3) n`,
    );
    const path = "/api/v1/flags/big1";
    expect((await patch("big1", { description: "large" }, small)).status).toBe(200);
    expect((await small.call("PATCH", `${path}/rollout`, { body: { rollout_pct: 1 } })).status).toBe(200);
    expect((await small.call("PATCH", `${path}/toggle`, { body: { enabled: false } })).status).toBe(200);
    expect((await small.call("POST", `${path}/archive`)).status).toBe(200);
    expect((await patch("big1", { targeting: ids(1_000) }, small)).status).toBe(200);
    expect((await patch("big1", { targeting: ids(2_000) }, small)).status).toBe(422);
  });

  test("variants, prerequisites and segments count, and are pointed at", async () => {
    const value = "x".repeat(4_000);
    const variants = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ key: `v${n}`, weight: 1, value: `${n}${value}` }));
    expect((await create({ key: "a", in_header: false, variants: variants(4) }, small)).status).toBe(201);
    const large = await patch("a", { variants: variants(5) }, small);
    expect([large.status, large.body.errors?.[0]?.pointer]).toEqual([422, "/variants"]);

    const segment = (name: string, count: number) =>
      small.call("POST", "/api/v1/segments", {
        body: { name, ids: Array.from({ length: count }, (_, n) => `${n}`.padEnd(96, "x")) },
      });
    expect((await segment("few", 10)).status).toBe(201);
    const many = await segment("many", 40);
    expect([many.status, many.body.errors?.[0]?.pointer]).toEqual([422, "/ids"]);
    const more = await small.call("POST", "/api/v1/segments/few/ids", {
      body: { add: Array.from({ length: 40 }, (_, n) => `more-${n}`.padEnd(96, "x")) },
    });
    expect([more.status, more.body.errors?.[0]?.pointer]).toEqual([422, "/ids"]);
    expect(await bytesInRedis()).toBeLessThanOrEqual(MAX);
    await small.sql("truncate segments");
  });
});

describe("the bound is never below what is published", () => {
  /** The size of each flag and segment alone, and of all together, after a last write is published. */
  async function expectBounded(): Promise<void> {
    const last = await create({ key: "last" });
    expect([last.body.published, last.body.errors]).toEqual([true, undefined]);
    const { flags, segments = [] } = JSON.parse(
      String(await system.redisCommand("GET", redisKey("snapshot"))),
    ) as { flags: readonly { key: string }[]; segments?: readonly { name: string }[] };
    await withClient(system.databaseUrl, async (client) => {
      for (const flag of flags) {
        const { snapshot } = await readFlagSizes(client, flag.key);
        expect([flag, bytesOf(flag) <= snapshot]).toEqual([flag, true]);
      }
      for (const segment of segments) {
        const bound = await readSegmentSize(client, segment.name);
        expect([segment, bytesOf(segment) <= bound]).toEqual([segment, true]);
      }
      expect(await snapshotBytes()).toBeLessThanOrEqual(await readSnapshotBound(client));
    });
  }
  /** With the comma behind it. */
  const bytesOf = (part: unknown): number => Buffer.byteLength(JSON.stringify(part)) + 1;

  test("whatever stands in the flags", async () => {
    const odd = ['"\\', "\u2028é😀", "\u007f", "a/b", "<script>", "\ud7ff"].map((text) => text.repeat(20));
    await create({
      key: "odd",
      targeting: {
        allowlist: odd,
        plans: odd,
        rules: [{ id: "r", description: "d", if: { a: { $in: odd } }, rollout_pct: 99.99 }],
      },
      bucket_by: "organization",
      salt: "s".repeat(64),
      requires: [],
      fail_mode: "last-known",
      client_visible: true,
      in_header: false,
    });
    await system.call("PATCH", "/api/v1/flags/odd/rollout", { body: { rollout_pct: 99.99 }, ifMatch: "*" });
    await system.sql(
      `insert into feature_flags (key, targeting) values ('broken', jsonb_build_object(repeat('"\\', 60), 1)), ('cc', jsonb_build_object(repeat(E'\\u0001', 64), 1))`,
    );
    await expectBounded();
  });

  test("variants whose shares are in many pieces, with weights that plain SQL changed", async () => {
    const weigh = (weights: readonly number[]) =>
      weights.map((weight, n) => ({ key: `v${n}`, weight, value: { n, 'ä"': null } }));
    await create({ key: "pieces", variants: weigh(Array.from({ length: 20 }, () => 1)) });
    for (let round = 0; round < 6; round++) {
      const weights = Array.from({ length: 20 }, (_, n) => ((n * 7 + round * 3) % 11) + 1);
      expect((await patch("pieces", { variants: weigh(weights) })).status).toBe(200);
    }
    const weights = Array.from({ length: 20 }, (_, n) => ((n * 5) % 13) + 1);
    await system.sql("update feature_flags set variants = $1 where key = 'pieces'", [
      JSON.stringify(weigh(weights)),
    ]);
    await system.sql(
      `insert into feature_flags (key, variants) select 'plain-' || n, $1 from generate_series(1, 20) n`,
      [JSON.stringify(weigh(weights))],
    );
    await expectBounded();
  });

  test("rows and segments of any JSON that Postgres takes", async () => {
    console.info(`rows and segments of any JSON: seed ${seed}`);
    const json = fc
      .json({ maxDepth: 4, stringUnit: "binary" })
      .filter((text) => text.isWellFormed() && !/\\u0000|\\ud[89a-f]/i.test(text));
    const objects = fc
      .sample(json, { numRuns: 200, seed })
      .map((text) => `{"${text.length}x": ${text}, "rules": [${text}]}`);
    await system.sql(
      `insert into feature_flags (key, targeting, variants, requires, variant_ranges)
       select 'any-' || n, t::jsonb, jsonb_build_array(t::jsonb), case when n % 3 = 0 then jsonb_build_array(t::jsonb) else '[]' end,
         case when n % 2 = 0 then t::jsonb else '{}' end
       from unnest($1::text[]) with ordinality as given (t, n) where n % 2 = 0`,
      [objects],
    );
    await system.sql(
      `insert into segments (name, ids, condition)
       select 'any-' || n, array[t, '"\\'], t::jsonb from unnest($1::text[]) with ordinality as given (t, n)`,
      [objects],
    );
    await expectBounded();
    await system.sql("truncate segments");
  });
});

describe("x-flags with variants", () => {
  test("counts the variant that says most, as it is written there", async () => {
    const value = { prompt: 'say "hi" \\ ä 😀 \u0001', n: [1, null, 1e-7] };
    const variants = [
      { key: "a", weight: 1 },
      { key: "longest", weight: 0, value },
    ];
    await create({ key: "varied", variants });
    const compiled = compile({
      schema: SCHEMA,
      flags: [
        {
          key: "varied",
          enabled: true,
          rollout_pct: 100,
          variants: [{ key: "longest", ranges: [[0, 10_000]], value }],
        },
      ],
    });
    const header = encodeFlags(compiled, [{ value: true, variant: "longest", reason: "STATIC" }]) ?? "";
    const KEYS = Array.from({ length: 250 }, (_, n) => keyOf(n, 38));
    // Fill up to where one more key of 38 bytes would no longer fit.
    const room = Math.floor((8_192 - header.length - 2) / 40);
    await system.sql("insert into feature_flags (key) select unnest($1::text[])", [KEYS.slice(0, room)]);
    const left = 8_192 - header.length - 2 - room * 40;
    const refused = await patch("varied", {
      variants: [
        ...variants.slice(0, 1),
        { key: "longest", weight: 0, value: { ...value, more: "x".repeat(left) } },
      ],
    });
    expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, "/variants"]);
    const shorter = [
      { key: "a", weight: 1 },
      { key: "longest", weight: 0, value: "short" },
    ];
    expect((await patch("varied", { variants: shorter })).status).toBe(200);
    expect((await create({ key: KEYS[room] ?? "" })).status).toBe(201);
  });

  test("a value of fewer bytes that is longer in the header: its variant is to blame", async () => {
    const variants = (value: string) => [{ key: "only", weight: 1, value }];
    expect((await create({ key: "varied", variants: variants("x".repeat(4_000)) })).status).toBe(201);
    const longer = await patch("varied", { variants: variants("ы".repeat(1_200)) });
    expect([longer.status, longer.body.errors?.[0]?.pointer]).toEqual([422, "/variants"]);
    expect((await patch("varied", { variants: variants("ы".repeat(1_100)) })).status).toBe(200);
  });
});

describe("many faults at once", () => {
  test("a body full of them names ten, and is answered", async () => {
    const long = await create({ key: "x", tags: Array.from({ length: 200_000 }, () => 5) });
    expect([long.status, long.body.errors]).toEqual([
      422,
      [{ pointer: "/tags", detail: "must have at most 20 items" }],
    ]);
    const plans = await create({ key: "x", targeting: { plans: Array.from({ length: 100 }, () => 5) } });
    expect([plans.status, plans.body.errors?.length]).toEqual([422, 10]);
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`m${n}`, 1]));
    const unknown = await create({ key: "x", ...many });
    expect([unknown.status, unknown.body.errors?.length]).toEqual([422, 10]);
  });
});
