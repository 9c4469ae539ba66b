import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pruneKills } from "../../publisher/kills/import-kills.ts";
import { createPublisherRedis, type PublisherRedis } from "../../publisher/redis/redis.ts";
import { ENVIRONMENT, redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;
let pool: pg.Pool;
let redis: PublisherRedis;

beforeAll(async () => {
  system = await startApiSystem();
  pool = new pg.Pool({ connectionString: system.databaseUrl });
  redis = createPublisherRedis({
    redisUrl: system.redis.url,
    redisToken: system.redis.token,
    environment: ENVIRONMENT,
  });
});
afterAll(async () => {
  await pool.end();
  await system.stop();
});

async function offAfterPruning(off: Record<string, unknown>): Promise<unknown> {
  await system.redisCommand("SET", redisKey("off"), JSON.stringify(off));
  await pruneKills(pool, redis);
  return JSON.parse(String(await system.redisCommand("GET", redisKey("off"))));
}

test("kills that every snapshot has known of for a day are taken out, all others stay", async () => {
  for (const key of ["a", "b", "c"]) await system.call("POST", "/api/v1/flags", { body: { key } });
  const all = { a: [1, 1], b: [1, 2], c: [1, 3] };
  // All entries are from today.
  expect(await offAfterPruning(all)).toEqual(all);

  await system.sql(
    "insert into flag_audit (epoch, revision, at, actor, action, flag_key) values (1, 2, now() - interval '25 hours', 'then', 'update', 'b')",
  );
  expect(await offAfterPruning(all)).toEqual({ c: [1, 3] });
});

test("as long as Redis has not got that far, they hold", async () => {
  const head = String(await system.redisCommand("GET", redisKey("head")));
  const behind = { ...(JSON.parse(head) as object), revision: 1 };
  await system.redisCommand("SET", redisKey("head"), JSON.stringify(behind));
  expect(await offAfterPruning({ a: [1, 1], b: [1, 2] })).toEqual({ b: [1, 2] });
  await system.redisCommand("DEL", redisKey("head"));
  expect(await offAfterPruning({ a: [1, 1] })).toEqual({ a: [1, 1] });
});
