import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { compareRedis, readRedisState } from "../../publisher/publish/publish-state.ts";
import { createPublisherRedis } from "../../publisher/redis/redis.ts";
import { startOutage, type Outage } from "../support/api-outage.ts";
import { ENVIRONMENT, redisKey } from "../support/api-system.ts";
import { startForeignServer, type ForeignServer } from "../support/cli-foreign-server.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let redis: RedisRest;

beforeAll(async () => {
  redis = await startRedisRest();
});
afterAll(() => redis.stop());

async function command(...words: readonly string[]): Promise<unknown> {
  const headers = { authorization: `Bearer ${redis.token}` };
  const response = await fetch(redis.url, { method: "POST", headers, body: JSON.stringify(words) });
  return ((await response.json()) as { result: unknown }).result;
}

describe("Redis compared with Postgres at revision 5", () => {
  const state = { epoch: 1, revision: 5, databaseId: "db-1", lineageId: "id-5" };
  const head = {
    schema: 1,
    epoch: 1,
    revision: 5,
    database_id: "db-1",
    digest: "0".repeat(64),
    bytes: 8,
    published_at: "2026-01-01T00:00:00.000Z",
    lineage_id: "id-5",
  };

  beforeEach(() => command("FLUSHALL"));

  test.each([
    { what: "the same", change: {}, published: true, fault: undefined },
    { what: "a head without an id", change: { lineage_id: undefined }, published: true, fault: undefined },
    {
      what: "the same numbers in another history",
      change: { lineage_id: "id" },
      published: false,
      fault: /not in the history/,
    },
    { what: "an older revision", change: { revision: 4 }, published: false, fault: undefined },
    { what: "a newer one", change: { revision: 6 }, published: false, fault: /ahead of Postgres/ },
    {
      what: "another database",
      change: { database_id: "db-2" },
      published: false,
      fault: /another database/,
    },
    { what: "another length", change: { bytes: 9 }, published: false, fault: /has 8 bytes, .* says 9/ },
    {
      what: "a newer schema",
      change: { schema: 2 },
      published: false,
      fault: /not Sluice's: head: schema 2/,
    },
  ])("$what", async ({ change, published, fault }) => {
    await command("SET", redisKey("head"), JSON.stringify({ ...head, ...change }));
    await command("SET", redisKey("snapshot"), "12345678");
    await command("SET", redisKey("off"), '{"burning": null, "recorded": [1, 5]}');
    const found = await read();
    expect(found.pendingKills).toEqual(["burning"]);
    const compared = compareRedis(found, state);
    expect(compared.published).toBe(published);
    if (fault === undefined) expect(compared.fault).toBeUndefined();
    else expect(compared.fault).toMatch(fault);
  });

  test("nothing, an unreadable `off`, and no answer are faults", async () => {
    expect(await read()).toEqual({ head: undefined, pendingKills: [], fault: "Redis has no head" });
    await command("SET", redisKey("head"), JSON.stringify(head));
    await command("SET", redisKey("snapshot"), "12345678");
    await command("SET", redisKey("off"), "[");
    const unreadable = await read();
    expect(unreadable).toMatchObject({ pendingKills: undefined, fault: /not Sluice's: off/ });
    expect(compareRedis(unreadable, state).published).toBe(false);
    expect(await read("http://127.0.0.1:1")).toMatchObject({
      head: undefined,
      pendingKills: undefined,
      fault: expect.stringMatching(/Redis cannot be reached/),
    });
  });

  const read = (redisUrl = redis.url) =>
    readRedisState(createPublisherRedis({ redisUrl, redisToken: redis.token, environment: ENVIRONMENT }));
});

describe("sluice status", () => {
  let database: TestDatabase;
  let redisOutage: Outage;
  let postgresOutage: Outage;
  let system: CliSystem;
  let edge: ForeignServer;

  beforeEach(async () => {
    await command("FLUSHALL");
    database = await createTestDatabase();
    redisOutage = await startOutage(redis.url);
    postgresOutage = await startOutage(database.url);
    const through = { redisUrl: redisOutage.url, databaseUrl: postgresOutage.url };
    system = await startCliSystem({ redis, databaseUrl: database.url, through });
    await system.make("burning");
    edge = await startForeignServer((_request, response) =>
      response.end(JSON.stringify({ epoch: 1, revision: 1, age_ms: 20, source: "redis", since_ms: 40 })),
    );
  });
  afterEach(async () => {
    await edge.stop();
    await system.stop();
    await redisOutage.stop();
    await postgresOutage.stop();
    await database.drop();
  });

  test("ends with 0 when Redis has everything", async () => {
    const run = await system.sluice(["status"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/^published +yes$/m);
    expect(run.stdout).not.toMatch(/^(fault|pending kills) /m);
  });

  test("asks Redis itself: a Redis that is down is reported at once, also after a successful publish", async () => {
    redisOutage.cut();
    const { body } = await system.call("GET", "/api/v1/status");
    expect(body).toMatchObject({ published: false, redis: null, pending_kills: null });
    expect(body["fault"]).toMatch(/Redis/);
    const run = await system.sluice(["status"]);
    expect(run.code).toBe(7);
    expect(run.stdout).toMatch(/^published +NOT yet$/m);
    expect(run.stdout).toMatch(/^fault .*Redis/m);
  });

  test("reports a failed publish, although Redis has the last revision", async () => {
    const head = JSON.parse(String(await command("GET", redisKey("head")))) as object;
    await command("SET", redisKey("head"), JSON.stringify({ ...head, schema: 2 }));
    const run = await system.sluice(["status", "--json"]);
    expect(run.code).toBe(7);
    expect(JSON.parse(run.stdout)).toMatchObject({
      published: false,
      redis: null,
      fault: expect.stringMatching(/schema 2/),
    });
  });

  test("with Postgres down, shows Redis, the pending kill and the edge, and ends with 6", async () => {
    postgresOutage.cut();
    const kill = await system.call("PATCH", "/api/v1/flags/burning/toggle", { body: { enabled: false } });
    expect(kill.status).toBe(202);
    const run = await system.sluice(["status", "--edge", edge.url]);
    expect(run.code).toBe(6);
    expect(run.stderr).toMatch(/^error: Postgres does not answer/);
    expect(run.stdout).toMatch(/^Redis +revision 1 \(epoch 1\)$/m);
    expect(run.stdout).toMatch(/^pending kills +burning: off at the edge, NOT yet recorded in Postgres$/m);
    expect(run.stdout).toMatch(/ 1 \(epoch 1\) +20 ms ago +redis +unknown/);
    const { status, body } = await system.call("GET", "/api/v1/status");
    expect([status, body["redis"], body["redis_fault"], body["pending_kills"]]).toEqual([
      503,
      { epoch: 1, revision: 1 },
      null,
      ["burning"],
    ]);
  });

  test("GET /status names kills that Postgres has not recorded", async () => {
    await command("SET", redisKey("off"), '{"no-such-flag-yet": null}');
    const { body } = await system.call("GET", "/api/v1/status");
    expect(body["pending_kills"]).toEqual(["no-such-flag-yet"]);
  });

  test("without a publisher, shows the edge, and ends with 6", async () => {
    const env = { SLUICE_URL: "http://127.0.0.1:2" };
    const run = await system.sluice(["status", "--edge", edge.url], { env });
    expect(run.code).toBe(6);
    expect(run.stderr).toMatch(/^error: nothing listens at/);
    expect(run.stdout).toMatch(/ 1 \(epoch 1\) +20 ms ago/);
    expect(await system.sluice(["status"], { env })).toMatchObject({ code: 6, stdout: "" });
  });
});
