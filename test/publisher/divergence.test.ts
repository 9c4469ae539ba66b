import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { BUILDER } from "../../publisher/publish/publish-decision.ts";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { openDivergence, readDivergence } from "../../publisher/postgres/publication.ts";
import { killedKeys, parseHead, parseOff } from "../../shared/snapshot/snapshot.ts";
import { ADMIN_TOKEN, ENVIRONMENT, redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { patient } from "../support/patience.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";

const PATIENT = { timeout: patient(40_000), interval: 50 };

let redis: RedisRest;
let database: TestDatabase;
let system: ApiSystem;
const open: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  redis = await startRedisRest();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await command("FLUSHALL");
  database = await createTestDatabase();
  open.push({ stop: () => database.drop() });
  system = await start(database.url);
});
afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

async function start(databaseUrl: string): Promise<ApiSystem> {
  const started = await startApiSystem({ databaseUrl, redis });
  open.push(started);
  return started;
}

async function command(...words: readonly string[]): Promise<unknown> {
  const headers = { authorization: `Bearer ${redis.token}` };
  const response = await fetch(redis.url, { method: "POST", headers, body: JSON.stringify(words) });
  return ((await response.json()) as { result: unknown }).result;
}

const readHead = async () => JSON.parse(String(await command("GET", redisKey("head")))) as { epoch: number };
const status = async (of = system) => (await of.call("GET", "/api/v1/status")).body;
const toggle = (key: string, enabled: boolean, of = system) =>
  of.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled }, ifMatch: "*" });

async function make(...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await system.call("POST", "/api/v1/flags", { body: { key } });
    expect((await toggle(key, true)).body.published).toBe(true);
  }
}

/** The state of a flag at the edge: on only if it is on in the snapshot and not killed. */
async function isOnAtEdge(key: string): Promise<boolean> {
  const reply = await command("MGET", redisKey("head"), redisKey("snapshot"), redisKey("off"));
  const [headText, snapshotText, offText] = reply as [string, string, string | null];
  const head = parseHead(headText);
  const off = parseOff(offText);
  if ("problem" in head || "problem" in off) throw new Error("Redis holds something else");
  const { flags } = JSON.parse(snapshotText) as { flags: { key: string; enabled?: boolean }[] };
  const isEnabled = flags.some((flag) => flag.key === key && flag.enabled === true);
  return isEnabled && !killedKeys(off.value, head.value).has(key);
}

const databaseEnv = (of = system) => ({
  DATABASE_URL: of.databaseUrl,
  UPSTASH_REDIS_REST_URL: redis.url,
  UPSTASH_REDIS_REST_TOKEN: redis.token,
  SLUICE_ENV: ENVIRONMENT,
});
const publish = (...args: readonly string[]) =>
  callSluice(["publish", "--no-gates-module", ...args], { env: databaseEnv() });
const sluice = (args: readonly string[], of = system) =>
  callSluice(args, { env: { SLUICE_URL: of.url, SLUICE_TOKEN: ADMIN_TOKEN } });

/** Takes a backup, runs `meanwhile`, then starts a new publisher on the restored backup. */
async function restoreAfter(meanwhile: () => Promise<void>): Promise<void> {
  await system.stop();
  open.pop();
  const { adminUrl, prefix } = inject("testDatabases");
  const template = new URL(database.url).pathname.slice(1);
  const backup = await createTestDatabase({ adminUrl, prefix, template });
  open.push({ stop: () => backup.drop() });
  const { rows } = await withClient(database.url, (client) =>
    client.query<{ database_id: string }>("select database_id from publication"),
  );
  await withClient(backup.url, (client) =>
    client.query("update publication set database_id = $1", [rows[0]?.database_id]),
  );

  system = await start(database.url);
  await meanwhile();
  await system.stop();
  open.pop();
  system = await start(backup.url);
}

const untilDiverged = (of = system) => vi.waitUntil(async () => (await status(of))["diverged"], PATIENT);

describe("a restored backup", () => {
  beforeEach(async () => {
    await make("kept", "killed_later");
    await restoreAfter(async () => {
      expect((await toggle("killed_later", false)).body.published).toBe(true);
      for (let n = 0; n < 5; n++) await system.sql("update feature_flags set owner = $1", [`owner ${n}`]);
      await vi.waitUntil(async () => (await status()).published, PATIENT);
    });
    await untilDiverged();
  });

  test("stays reported everywhere, by every publisher, also after Redis changes", async () => {
    const head = await command("GET", redisKey("head"));
    expect(await status()).toMatchObject({
      published: false,
      diverged: true,
      redis: { epoch: 1 },
      divergence: { why: "Redis is ahead of Postgres", redis: { epoch: 1 } },
      fault: expect.stringMatching(/^Redis is ahead of Postgres .*`sluice publish --force`/),
    });
    expect((await system.call("GET", "/healthz")).body).toEqual({ status: "diverged" });
    expect(system.logLines.join("\n")).toContain('"publish.diverged"');
    const told = await sluice(["status"]);
    expect(told).toMatchObject({ code: 8, stderr: "" });
    expect(told.stdout).toMatch(
      /^DIVERGED +Redis is ahead of Postgres \(Redis: epoch 1, revision \d+; since /m,
    );
    expect(told.stdout).toMatch(/^fix +.*`sluice publish --force`/m);
    expect(await publish()).toMatchObject({ code: 8, stdout: "" });

    const write = await system.call("POST", "/api/v1/flags", { body: { key: "waiting" } });
    expect([write.status, write.body.published]).toEqual([201, false]);
    expect(await command("GET", redisKey("head"))).toBe(head);

    // A Redis that agrees again, or is empty, does not end it: a person must decide.
    await command("DEL", redisKey("head"), redisKey("snapshot"));
    const second = await start(system.databaseUrl);
    await untilDiverged(second);
    await vi.waitUntil(async () => /diverged/.test((await second.call("GET", "/healthz")).text), PATIENT);
    expect((await publish()).code).toBe(8);
    expect(await command("GET", redisKey("head"))).toBeNull();
  });

  test("kills reach the edge, and stay in force until Redis has the state of Postgres", async () => {
    expect(await isOnAtEdge("kept")).toBe(true);
    const { status: code, body } = await toggle("kept", false);
    expect([code, body.published, body["at_edge"]]).toEqual([200, false, true]);
    // Its revision in Postgres is lower than the one at the edge, so Redis must not name it.
    const run = await sluice(["kill", "kept"]);
    expect(run.code).toBe(8);
    expect(run.stdout).toContain("kept is off at the edge and in Postgres.");
    await system.sql("select pg_notify('sluice_revision', '{}')");
    expect(await isOnAtEdge("kept")).toBe(false);
    const refused = await toggle("kept", true);
    expect([refused.status, refused.body.detail]).toEqual([
      503,
      expect.stringMatching(/the killed flag stays off/),
    ]);
    const enable = await sluice(["enable", "kept"]);
    expect(enable.code).toBe(8);
    expect(enable.stderr).toMatch(/^error: Redis contradicts Postgres.*\n {2}-> .*`sluice publish --force`/);
    expect(await isOnAtEdge("kept")).toBe(false);

    expect((await publish("--force")).code).toBe(0);
    expect(await isOnAtEdge("kept")).toBe(false);
    await vi.waitUntil(async () => (await toggle("kept", true)).status === 200, PATIENT);
    await vi.waitUntil(() => isOnAtEdge("kept"), PATIENT);
  });

  test("--force makes it the truth, and undoes no kill that the backup lacks", async () => {
    expect(await system.sql("select enabled from feature_flags where key = 'killed_later'")).toEqual([
      { enabled: true },
    ]);
    const forced = await publish("--force");
    expect(forced).toMatchObject({ code: 0, stderr: "" });
    expect(forced.stdout).toMatch(/^killed_later is now off: it was off at the edge/m);
    expect(forced.stdout).not.toMatch(/^kept is/m);
    expect(await readHead()).toMatchObject({ epoch: 2 });
    expect([await isOnAtEdge("kept"), await isOnAtEdge("killed_later")]).toEqual([true, false]);

    await vi.waitUntil(async () => (await status())["diverged"] === false, PATIENT);
    await vi.waitUntil(async () => (await system.call("GET", "/healthz")).body["status"] === "ok", PATIENT);
    expect((await sluice(["status"])).code).toBe(0);
    const write = await system.call("POST", "/api/v1/flags", { body: { key: "after" } });
    expect(write.body).toMatchObject({ epoch: 2, published: true });
    expect(await system.sql("select why from divergences where ended_at is not null")).toHaveLength(1);
  });
});

test.each([
  { what: "a foreign database", change: { database_id: "another", epoch: 7 }, epoch: 8 },
  { what: "another content under the same revision", change: { digest: "0".repeat(64) }, epoch: 2 },
])("$what stays reported too, and --force begins an epoch after both", async ({ change, epoch }) => {
  await make("ai_search");
  await command("SET", redisKey("head"), JSON.stringify({ ...(await readHead()), ...change }));
  expect((await publish()).code).toBe(8);
  await untilDiverged();
  expect((await publish("--force")).code).toBe(0);
  expect(await readHead()).toMatchObject({ epoch });
  await vi.waitUntil(async () => (await status()).published, PATIENT);
});

test("a read from before a new epoch opens no divergence", async () => {
  const found = { why: "late", redis: { epoch: 9, revision: 9 }, redisDatabaseId: "another" };
  await withClient(database.url, async (client) => {
    await client.query("update publication set epoch = 2");
    await openDivergence(client, { epoch: 1, revision: 0 }, found);
    expect(await readDivergence(client)).toBeUndefined();
    await openDivergence(client, { epoch: 2, revision: 0 }, found);
    await openDivergence(client, { epoch: 2, revision: 0 }, { ...found, why: "once more" });
    expect(await readDivergence(client)).toMatchObject({ why: "late", redis: { epoch: 9, revision: 9 } });
    await client.query("update publication set revision = revision + 1");
    expect(await readDivergence(client)).toBeDefined();
    await client.query("update publication set epoch = 3");
    expect(await readDivergence(client)).toBeUndefined();
  });
});

describe("publishers of two versions at once", () => {
  test("a snapshot that an older version built differently gets a new revision", async () => {
    await make("ai_search");
    const older = { ...(await readHead()), digest: "0".repeat(64), builder: 1 };
    await command("SET", redisKey("head"), JSON.stringify(older));
    expect((await publish()).code).toBe(0);
    expect((await readHead()) as object).toMatchObject({ epoch: 1, revision: 3, builder: BUILDER });
    expect(await status()).toMatchObject({ diverged: false, revision: 3 });
  });

  test("a snapshot of a newer version is not overwritten", async () => {
    await make("ai_search");
    const newer = JSON.stringify({ ...(await readHead()), digest: "0".repeat(64), builder: BUILDER + 1 });
    await command("SET", redisKey("head"), newer);
    await system.sql("select pg_notify('sluice_revision', '{}')");
    await vi.waitUntil(async () => (await status()).published, PATIENT);
    expect(await command("GET", redisKey("head"))).toBe(newer);
  });

  test("a newer schema is reported and not overwritten until a forced publish", async () => {
    await make("ai_search");
    const newer = JSON.stringify({ ...(await readHead()), schema: 2 });
    await command("SET", redisKey("head"), newer);
    const write = await system.call("POST", "/api/v1/flags", { body: { key: "waiting" } });
    expect(write.body.published).toBe(false);
    expect((await status())["fault"]).toMatch(/Redis has schema 2/);
    expect(await command("GET", redisKey("head"))).toBe(newer);
    expect((await publish("--force")).code).toBe(0);
    expect(await readHead()).toMatchObject({ schema: 1, epoch: 2 });
  });
});

describe("a forced publish", () => {
  test("changes nothing if the token may not write to Redis", async () => {
    await make("one");
    const before = await readHead();
    const run = await callSluice(["publish", "--force", "--no-gates-module"], {
      env: { ...databaseEnv(), UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken },
    });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toContain("nothing was published");
    expect((await status())["epoch"]).toBe(before.epoch);
    expect(await readHead()).toEqual(before);
  });

  test("says so if there is nothing to force", async () => {
    await make("one");
    const run = await publish("--force");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("Redis did not contradict this database");
  });

  test("is required over the snapshot of a newer publisher, and the error says so", async () => {
    await make("one");
    const newer = JSON.stringify({ ...(await readHead()), schema: 2 });
    await command("SET", redisKey("head"), newer);
    const run = await publish();
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain(
      "error: a newer publisher has published to this Redis: nothing was published\n",
    );
    expect(run.stderr).toContain("  Redis has schema 2");
    const forced = await publish("--force");
    expect(forced.code).toBe(0);
    expect(forced.stdout).not.toContain("Redis did not contradict");
  });
});
