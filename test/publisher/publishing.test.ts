import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { ENVIRONMENT, redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { patient } from "../support/patience.ts";
import { startFaultyRedis } from "../support/faulty-redis.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";

const PATIENCE_MS = patient(40_000);

/** How often the publisher compares Redis with Postgres. */
const everyMs = 500;

let redis: RedisRest;
let database: TestDatabase;
let system: ApiSystem;

beforeAll(async () => {
  redis = await startRedisRest();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  database = await createTestDatabase();
  system = await startApiSystem({ databaseUrl: database.url, redis, everyMs });
  await system.redisCommand("DEL", redisKey("head"), redisKey("snapshot"), redisKey("off"));
});
afterEach(async () => {
  await system.stop();
  await database.drop();
});

interface Head {
  readonly epoch: number;
  readonly revision: number;
  readonly digest: string;
  readonly database_id: string;
}

async function readHead(): Promise<Head | undefined> {
  const text = await system.redisCommand("GET", redisKey("head"));
  return typeof text === "string" ? (JSON.parse(text) as Head) : undefined;
}

async function readFlags(): Promise<readonly { readonly key: string; readonly [name: string]: unknown }[]> {
  const text = await system.redisCommand("GET", redisKey("snapshot"));
  return typeof text === "string" ? (JSON.parse(text) as { flags: { key: string }[] }).flags : [];
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error("it never came to be");
    await sleep(50);
  }
}

const create = (key: string) => system.call("POST", "/api/v1/flags", { body: { key } });
const status = async () => (await system.call("GET", "/api/v1/status")).body;

describe("what reaches Redis", () => {
  it("is there when a write has been answered", async () => {
    const { body } = await create("ai_search");
    expect(body.published).toBe(true);
    expect(await readHead()).toMatchObject({ epoch: 1, revision: body.revision });
    expect(await readFlags()).toEqual([{ key: "ai_search", enabled: false, rollout_pct: 0 }]);
  });

  it("includes changes by plain SQL", async () => {
    await create("ai_search");
    await system.sql("UPDATE feature_flags SET rollout_pct = 12.5, enabled = true");
    await until(async () => (await readFlags())[0]?.["rollout_pct"] === 12.5);
    await system.sql("TRUNCATE feature_flags");
    await until(async () => (await readFlags()).length === 0);
    expect((await readHead())?.revision).toBe(3);
  });

  it("has a new revision and the old digest when only a description changed", async () => {
    await create("ai_search");
    const before = await readHead();
    await system.call("PATCH", "/api/v1/flags/ai_search", { body: { description: "new" }, ifMatch: "*" });
    const after = await readHead();
    expect(after?.digest).toBe(before?.digest);
    expect(after?.revision).toBe((before?.revision ?? 0) + 1);
  });

  it("contains a row that SQL broke as invalid, and the others unchanged", async () => {
    await create("ai_search");
    await create("broken");
    await system.sql(
      `UPDATE feature_flags SET enabled = true, rollout_pct = 100, targeting = '{"planz": ["pro"]}' WHERE key = 'broken'`,
    );
    await until(async () => (await readFlags())[1]?.["invalid"] !== undefined);
    expect(await readFlags()).toEqual([
      { key: "ai_search", enabled: false, rollout_pct: 0 },
      { key: "broken", invalid: expect.stringContaining("planz") as string },
    ]);
    expect((await system.call("GET", "/api/v1/flags/broken")).body.flag["invalid"]).toContain("planz");
  });

  it("is restored after Redis was flushed", async () => {
    const { body } = await create("ai_search");
    await system.redisCommand("DEL", redisKey("head"), redisKey("snapshot"));
    await until(async () => (await readHead())?.revision === body.revision);
    expect(await readFlags()).toHaveLength(1);
  });

  it("is restored after Redis was set back to an older state", async () => {
    await create("ai_search");
    const texts = await Promise.all(
      (["head", "snapshot"] as const).map((name) => system.redisCommand("GET", redisKey(name))),
    );
    const { body } = await create("ai_later");
    await system.redisCommand(
      "MSET",
      ...["head", "snapshot"].flatMap((name, at) => [redisKey(name as "head"), String(texts[at])]),
    );
    await until(async () => (await readHead())?.revision === body.revision);
    expect(await readFlags()).toHaveLength(2);
    expect(await status()).toMatchObject({ diverged: false, published: true });
  });

  it("is restored after only the snapshot was lost", async () => {
    await create("ai_search");
    await system.redisCommand("DEL", redisKey("snapshot"));
    // The head still names it.
    await until(async () => (await readFlags()).length === 1);
    expect((await status())["fault"]).toBeNull();
  });

  it("costs two commands a write, although Postgres also notifies the writer", async () => {
    const counted = await startFaultyRedis(redis.url);
    const writer = await startApiSystem({
      databaseUrl: database.url,
      redis,
      through: { redisUrl: counted.url },
    });
    // The other publisher would publish, too, and its commands would be counted.
    await system.stop();
    try {
      const before = counted.commands;
      const writes = 40;
      for (let index = 0; index < writes; index++) {
        const body = { key: `flag_${index}` };
        expect((await writer.call("POST", "/api/v1/flags", { body })).body.published).toBe(true);
      }
      // One read and one swap; the rest are the periodic reads.
      expect(counted.commands - before).toBeGreaterThanOrEqual(2 * writes);
      expect(counted.commands - before).toBeLessThan(2.7 * writes);
    } finally {
      await writer.stop();
      await counted.stop();
      system = await startApiSystem({ databaseUrl: database.url, redis });
    }
  });

  it("comes from any of several publishers", async () => {
    const second = await startApiSystem({ databaseUrl: database.url, redis });
    try {
      const writes = Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? system : second).call("POST", "/api/v1/flags", { body: { key: `flag_${index}` } }),
      );
      const answers = await Promise.all(writes);
      expect(answers.filter(({ body }) => !body.published)).toEqual([]);
      const revisions = answers.map(({ body }) => body.revision);
      expect(await readHead()).toMatchObject({ revision: Math.max(...revisions) });
      expect(await readFlags()).toHaveLength(40);
    } finally {
      await second.stop();
    }
  });
});

describe("a Redis that contradicts Postgres is not overwritten, and reported", () => {
  async function expectLatched(): Promise<void> {
    const head = await readHead();
    const { body } = await create("ai_later");
    expect(body.published).toBe(false);
    expect(await status()).toMatchObject({ published: false, diverged: true });
    expect(String((await status())["fault"])).toContain("sluice publish --force");
    expect(await readHead()).toEqual(head);
  }

  /** Decides that this database is right. */
  async function expectForced(): Promise<void> {
    const env = {
      DATABASE_URL: database.url,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      SLUICE_ENV: ENVIRONMENT,
    };
    expect((await callSluice(["publish", "--no-gates-module"], { env })).code).toBe(8);
    expect(await callSluice(["publish", "--force", "--no-gates-module"], { env })).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect((await readHead())?.epoch).toBeGreaterThan(1);
    await until(async () => (await status())["diverged"] === false);
    expect((await create("ai_after")).body.published).toBe(true);
  }

  it("ahead of Postgres: a restored backup", async () => {
    await create("ai_search");
    const head = await readHead();
    const ahead = JSON.stringify({ ...head, revision: (head?.revision ?? 0) + 100 });
    await system.redisCommand("SET", redisKey("head"), ahead);
    await expectLatched();
    await expectForced();
  });

  it("from another database", async () => {
    await create("ai_search");
    await withClient(database.url, (client) =>
      client.query("UPDATE publication SET database_id = gen_random_uuid()"),
    );
    await expectLatched();
    await expectForced();
  });

  it("another snapshot with the same revision", async () => {
    await create("ai_search");
    const head = await readHead();
    await system.redisCommand("SET", redisKey("head"), JSON.stringify({ ...head, digest: "0".repeat(64) }));
    await until(async () => (await status())["diverged"] === true);
    expect((await readHead())?.digest).toBe("0".repeat(64));
  });
});
