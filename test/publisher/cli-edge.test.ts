import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { startOutage, type Outage } from "../support/api-outage.ts";
import { ENVIRONMENT, redisKey } from "../support/api-system.ts";
import { startForeignServer, type ForeignServer } from "../support/cli-foreign-server.ts";
import { startCliSystem, type CliRun, type CliSystem } from "../support/cli.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startFaultyRedis, type FaultyRedis } from "../support/faulty-redis.ts";
import { startColo, type RunningColo } from "../support/worker.ts";
import { patient } from "../support/patience.ts";

let redis: RedisRest;
let faulty: FaultyRedis;
let database: TestDatabase;
let postgres: Outage;
let system: CliSystem;
let colo: RunningColo;
let site: ForeignServer;
/** A worker that reads Redis, and one that reads it through what can fail. */
let edge: string;
let fragile: string;
let key: string;
let count = 0;

beforeAll(async () => {
  redis = await startRedisRest();
  faulty = await startFaultyRedis(redis.url);
  database = await createTestDatabase();
  postgres = await startOutage(database.url);
  system = await startCliSystem({
    redis,
    databaseUrl: database.url,
    through: { databaseUrl: postgres.url },
  });
  const vars = {
    SLUICE_ENV: ENVIRONMENT,
    ORIGIN_URL: "http://127.0.0.1:1",
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
    REFRESH_MS: "300",
    REDIS_TIMEOUT_MS: "1000",
  };
  // Another address, so that the two share nothing in the colo's cache.
  colo = await startColo({ isolates: [vars, { ...vars, UPSTASH_REDIS_REST_URL: faulty.url }] });
  [edge = "", fragile = ""] = colo.urls;
  site = await startForeignServer((_request, response) => response.end("<h1>a site</h1>"));
});
afterAll(async () => {
  await site.stop();
  await colo.stop();
  await system.stop();
  await postgres.stop();
  await faulty.stop();
  await redis.stop();
  await database.drop();
});
beforeEach(async () => {
  faulty.fault = undefined;
  postgres.mend();
  key = `flag-${++count}`;
  await system.make(key);
  await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: true }, ifMatch: "*" });
  // Both hold what came before the kill.
  await expectBothAtRevision();
});

async function expectBothAtRevision(): Promise<void> {
  for (const url of [edge, fragile]) {
    await vi.waitUntil(async () => (await ask(url))["revision"] === (await revision()), patient(20_000));
  }
}

async function ask(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${url}/.well-known/sluice`)).json()) as Record<string, unknown>;
}

const revision = async () => (await system.call("GET", "/api/v1/status")).body.revision;

const parse = (run: CliRun) =>
  JSON.parse(run.stdout) as { edges: readonly Record<string, unknown>[] } & Record<string, unknown>;

describe("sluice kill --edge", () => {
  test("waits until the worker has the kill, and prints when", async () => {
    const run = await system.sluice(["kill", key, "--edge", `${edge}/any/page?x=1`]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const lines = run.stdout.trimEnd().split("\n");
    expect(lines).toEqual([
      `${key} is off for everybody.`,
      expect.stringMatching(/^revision \d+, in Redis$/),
      expect.stringMatching(/ has the kill, at most [\d.]+ m?s after the command started\.$/),
      expect.stringMatching(/^Confirmed by the isolate that answered.* 3 x REFRESH_MS/),
    ]);
    expect(lines[2]).toContain(edge);
    expect(await ask(edge)).toMatchObject({ revision: await revision() });
  });

  test("reads SLUICE_EDGE_URLS, and prints JSON", async () => {
    const env = { SLUICE_EDGE_URLS: `${edge}, ${fragile}` };
    const run = await system.sluice(["kill", key, "--json"], { env });
    expect(run.code).toBe(0);
    const { edges, published } = parse(run);
    expect(published).toBe(true);
    expect(edges).toMatchObject(
      [edge, fragile].map((url) => ({ url, has_kill: true, after_ms: expect.any(Number), problem: null })),
    );
  });

  test("kills first, despite a wrong address, and names workers that do not answer", async () => {
    const named = ["nonsense", "http://127.0.0.1:2", site.url, edge].flatMap((url) => ["--edge", url]);
    const run = await system.sluice(["kill", key, "--edge-timeout", "20", "--json", ...named]);
    expect(run.code).toBe(7);
    expect(parse(run)).toMatchObject({
      published: true,
      edges: [
        { has_kill: false, after_ms: null, problem: "this is not an http:// or https:// address" },
        { has_kill: false, problem: "nothing listens at 127.0.0.1:2" },
        { has_kill: false, problem: "it answered 200, but not as a Sluice worker" },
        { has_kill: true, problem: null },
      ],
    });
    expect(await system.row(key)).toMatchObject({ enabled: false });
  });

  test("a worker that cannot reach Redis does not confirm the kill", async () => {
    faulty.fault = "HTTP 500";
    const before = await revision();
    const run = await system.sluice(["kill", key, "--edge", fragile, "--edge-timeout", "2"]);
    expect(run).toMatchObject({ code: 7, stderr: "" });
    expect(run.stdout).toMatch(
      new RegExp(
        `has NOT confirmed the kill: after 2\\.0 s it is at revision ${before}, confirmed by Redis .* ago; it reports redis-refused\\.$`,
        "m",
      ),
    );
    expect(run.stdout).not.toContain("Confirmed by");
  });

  test("with Postgres down, a later read of Redis proves that the worker has the kill", async () => {
    postgres.cut();
    const run = await system.sluice(["kill", key, "--edge", edge, "--json"]);
    expect(run.code).toBe(7);
    expect(parse(run)).toMatchObject({ recorded: false, edges: [{ has_kill: true, url: edge }] });
    faulty.fault = "hang";
    const other = await system.sluice(["kill", key, "--edge", fragile, "--edge-timeout", "2"]);
    expect(other.stdout).toContain("is killed at the edge, NOT yet recorded");
    expect(other.stdout).toMatch(/has NOT confirmed the kill: after 2\.0 s it is at revision \d+/);
  });

  test.each(["0", "-1", "soon", "99999"])("a time limit of %s is refused", async (limit) => {
    const run = await system.sluice(["kill", key, `--edge-timeout=${limit}`]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain("Write seconds like 30");
    expect(await system.row(key)).toMatchObject({ enabled: true });
  });
});

describe("sluice status --edge", () => {
  test("shows each worker's revision and age, and how long the last write took to arrive", async () => {
    // The kills of the tests before have to be recorded, which raises the revision, too.
    const pending = async () => (await system.call("GET", "/api/v1/status")).body["pending_kills"];
    await vi.waitUntil(async () => JSON.stringify(await pending()) === "[]", {
      timeout: patient(40_000),
      interval: 200,
    });
    // Each has to hold an older revision first: one that began with this one cannot tell when it came.
    await expectBothAtRevision();
    await system.call("POST", "/api/v1/flags", { body: { key: `${key}-arrives` } });
    await expectBothAtRevision();
    const run = await system.sluice(["status", "--edge", edge]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/^Postgres +revision \d+ \(epoch 1\), since [\d.]+ m?s$/m);
    expect(run.stdout).toMatch(/^EDGE +REVISION +CONFIRMED +FROM +ARRIVED +SAYS$/m);
    expect(run.stdout).toMatch(
      /\d+ \(epoch 1\) +[\d.]+ m?s ago +(memory|redis|colo) +[\d.]+ m?s ± \d+ ms after/,
    );
    const json = await system.sluice(["status", "--json"], {
      env: { SLUICE_EDGE_URLS: `${edge} ${fragile}` },
    });
    expect(json.code).toBe(0);
    expect(parse(json)).toMatchObject({
      changed_ms_ago: expect.any(Number),
      edges: [edge, fragile].map((url) => ({
        url,
        standing: "current",
        revision: parse(json)["revision"],
        arrived_after_ms: expect.any(Number),
        uncertainty_ms: expect.any(Number),
      })),
    });
  });

  test("distinguishes a worker that is behind, one that fails and a server that is not a worker", async () => {
    faulty.fault = "wrong password";
    await system.call("POST", "/api/v1/flags", { body: { key: `${key}-later` } });
    await vi.waitUntil(async () => "fault" in (await ask(fragile)), patient(20_000));
    const run = await system.sluice(["status", "--edge", `${fragile},${site.url}`]);
    expect(run.code).toBe(7);
    expect(run.stdout).toMatch(/NOT yet +redis-refused$/m);
    expect(run.stdout).toMatch(/ \? +it answered 200, but not as a Sluice worker$/m);
  });

  test("a worker that reports a contradiction causes exit code 8", async () => {
    faulty.fault = "another database";
    await vi.waitUntil(async () => (await ask(fragile))["diverged"] === true, patient(20_000));
    const run = await system.sluice(["status", "--edge", fragile]);
    expect(run.code).toBe(8);
    expect(run.stdout).toMatch(/DIVERGED: .*`sluice publish --force`.*; foreign-database$/m);
    expect(await system.redisCommand("GET", redisKey("head"))).toContain('"epoch":1');
  });
});
