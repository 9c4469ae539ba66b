import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { ENVIRONMENT, redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { runSluice } from "../support/cli.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";
import { patient } from "../support/patience.ts";

// The grants in docs/operations.md are exactly what the publisher's role needs.

const role = `sluice_test_publisher_${randomBytes(4).toString("hex")}`;
const password = randomBytes(12).toString("hex");

let database: TestDatabase;
let redis: RedisRest;
let system: ApiSystem;
let roleUrl: string;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await startRedisRest();
  const doc = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const [, grants = ""] = /```sql\n([^`]*?)```/.exec(doc) ?? [];
  expect(grants).toContain("GRANT");
  await withClient(database.url, async (client) => {
    await client.query(`create role ${role} login password '${password}'`);
    await client.query(grants.replace(/CREATE ROLE[^;]*;/, "").replaceAll("sluice_publisher", role));
  });
  const url = new URL(database.url);
  url.username = role;
  url.password = password;
  roleUrl = url.href;
  system = await startApiSystem({ databaseUrl: database.url, redis, through: { databaseUrl: roleUrl } });
});
afterAll(async () => {
  await system.stop();
  await withClient(database.url, (client) => client.query(`drop owned by ${role}; drop role ${role}`));
  await redis.stop();
  await database.drop();
});

test("writes, kills and publishes", async () => {
  const created = await system.call("POST", "/api/v1/flags", { body: { key: "ai_search" } });
  expect([created.status, created.body.published]).toEqual([201, true]);
  await system.call("POST", "/api/v1/segments", { body: { name: "vips", ids: ["u1"] } });
  const toggle = (enabled: boolean) =>
    system.call("PATCH", "/api/v1/flags/ai_search/toggle", { body: { enabled }, ifMatch: "*" });
  expect((await toggle(true)).body.published).toBe(true);
  expect((await toggle(false)).body.published).toBe(true);
  const override = { flags: { ai_search: "on" }, expires_in: 60 };
  expect((await system.call("POST", "/api/v1/overrides", { body: override })).status).toBe(200);
  const removed = await system.call("DELETE", "/api/v1/flags/ai_search", { ifMatch: "*" });
  expect([removed.status, removed.body.published]).toEqual([200, true]);
  expect((await system.call("DELETE", "/api/v1/segments/vips", { ifMatch: "*" })).status).toBe(200);
});

test("records a divergence, and ends it by a forced publish", async () => {
  const head = JSON.parse(String(await system.redisCommand("GET", redisKey("head")))) as object;
  await system.redisCommand("SET", redisKey("head"), JSON.stringify({ ...head, database_id: "another" }));
  await system.sql("select pg_notify('sluice_revision', '{}')");
  await vi.waitUntil(
    async () => (await system.call("GET", "/api/v1/status")).body["diverged"],
    patient(40_000),
  );
  const run = await runSluice(["publish", "--force", "--no-gates-module"], {
    env: {
      DATABASE_URL: roleUrl,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      SLUICE_ENV: ENVIRONMENT,
    },
  });
  expect(run).toMatchObject({ code: 0, stderr: "" });
});

test.for([
  "insert into flag_audit (epoch, revision, actor, action, flag_key) values (1, 1, 'me', 'update', 'a')",
  "delete from flag_audit",
  "delete from override_audit",
  "update override_audit set actor = 'me'",
  "update divergences set ended_at = now()",
  "delete from divergences",
  "update publication set database_id = gen_random_uuid()",
  "select raise_revision()",
  "truncate feature_flags",
  "drop table feature_flags",
])("may not %s", async (sql) => {
  const outcome = await withClient(roleUrl, (client) => client.query(sql).catch((error: unknown) => error));
  expect(outcome).toMatchObject({ code: "42501" });
});
