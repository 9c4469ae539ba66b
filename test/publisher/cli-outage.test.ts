import { afterEach, expect, test } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { redisKey } from "../support/api-system.ts";
import { startOutage, type Outage } from "../support/api-outage.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";
import { createTestDatabase } from "../support/database.ts";

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

function remember<T extends { stop(): Promise<unknown> }>(part: T): T {
  open.push(part);
  return part;
}

/** A system whose Redis, or Postgres, can be cut off. */
async function startFragile(
  what: "redis" | "postgres",
): Promise<{ system: CliSystem; redis: RedisRest; outage: Outage }> {
  const redis = remember(await startRedisRest());
  const database = await createTestDatabase();
  remember({ stop: () => database.drop() });
  const outage = remember(await startOutage(what === "redis" ? redis.url : database.url));
  const through = what === "redis" ? { redisUrl: outage.url } : { databaseUrl: outage.url };
  const system = remember(await startCliSystem({ redis, databaseUrl: database.url, through }));
  return { system, redis, outage };
}

test("without Redis, every change is reported as not yet in Redis, with the reason", async () => {
  const { system, outage } = await startFragile("redis");
  await system.make("late");
  outage.cut();
  const run = await system.sluice(["describe", "late", "words"]);
  expect(run).toMatchObject({ code: 7, stderr: "" });
  expect(run.stdout).toMatch(
    /^late has a new description\.\nrevision \d+, NOT yet in Redis: .*Redis.* The publisher keeps trying\n$/,
  );
  expect(await system.row("late")).toMatchObject({ description: "words" });

  const machine = await system.sluice(["target", "late", "--allow", "u1", "--json"]);
  expect(machine.code).toBe(7);
  expect(JSON.parse(machine.stdout)).toMatchObject({ published: false });
  expect(machine.stderr).toMatch(/^revision \d+, NOT yet in Redis: /);

  const killed = await system.sluice(["kill", "late"]);
  expect(killed.code).toBe(7);
  expect(killed.stdout).toContain("late is off in Postgres; it is unknown whether the edge has the kill.");

  const status = await system.sluice(["status"]);
  expect(status.code).toBe(7);
  expect(status.stdout).toMatch(/^fault +.*Redis/m);
});

test("without Postgres, a kill reaches the edge and is reported as not recorded", async () => {
  const { system, redis, outage } = await startFragile("postgres");
  await system.make("burning");
  outage.cut();
  const run = await system.sluice(["kill", "burning"]);
  expect(run).toMatchObject({ code: 7, stderr: "" });
  expect(run.stdout).toContain("burning is killed at the edge, NOT yet recorded: Postgres does not answer.");
  expect(await system.redisCommand("GET", redisKey("off"))).toContain('"burning":null');
  expect(redis.url).not.toBe("");

  const machine = await system.sluice(["kill", "burning", "--json"]);
  expect(machine.code).toBe(7);
  expect(JSON.parse(machine.stdout)).toMatchObject({ key: "burning", recorded: false });

  const other = await system.sluice(["enable", "burning"]);
  expect(other).toMatchObject({ code: 6, stdout: "" });
  expect(other.stderr).toContain("error: Postgres does not answer");
});

test("status and every change report a Redis that contradicts Postgres", async () => {
  const { system } = await startFragile("redis");
  await system.make("twin");
  const head = JSON.parse(String(await system.redisCommand("GET", redisKey("head")))) as object;
  await system.redisCommand("SET", redisKey("head"), JSON.stringify({ ...head, database_id: "another" }));
  const run = await system.sluice(["describe", "twin", "words"]);
  expect(run.code).toBe(8);
  expect(run.stdout).toMatch(/NOT yet in Redis: .*published from another database/);
  const status = await system.sluice(["status"]);
  expect(status.code).toBe(8);
});

test("a database without tables has another error than one that is down", async () => {
  const { system, redis } = await startFragile("redis");
  await system.sql("ALTER TABLE publication RENAME TO elsewhere");
  const env = {
    DATABASE_URL: system.databaseUrl,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
  };
  const run = await system.sluice(["publish"], { env });
  expect(run).toMatchObject({ code: 1, stdout: "" });
  expect(run.stderr).toContain("error: the database has no Sluice tables\n  -> run `sluice migrate`");
});
