import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import { digestOf, redisKeys } from "../../shared/snapshot/snapshot.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

const keys = redisKeys("staging");
const refreshMs = 50;
/** Longer than any snapshot is used unasked: what a worker does after it was idle. */
const idle = () => sleep(refreshMs * 4);

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;

beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.stop());
beforeEach(async () => {
  origin.answer = (_request, response) => void response.end("hello");
  redis = await startRedisRest();
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      SLUICE_ENV: "staging",
      REFRESH_MS: String(refreshMs),
      REDIS_TIMEOUT_MS: "5000",
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      CONTEXT_SECRET: "a secret of 26 characters",
    },
  });
});
afterEach(async () => {
  await worker.stop();
  await redis.stop();
});

async function command(...words: readonly string[]): Promise<void> {
  const headers = { authorization: `Bearer ${redis.token}` };
  const response = await fetch(redis.url, { method: "POST", headers, body: JSON.stringify(words) });
  if (!response.ok) throw new Error(`Redis: ${response.status} ${await response.text()}`);
}

async function publish(revision: number, flags: readonly object[], head: object = {}): Promise<void> {
  const snapshot = JSON.stringify({ schema: 1, flags });
  const full = {
    schema: 1,
    epoch: 1,
    revision,
    database_id: "db-1",
    digest: await digestOf(snapshot),
    bytes: snapshot.length,
    published_at: "2026-11-23T00:00:00Z",
    ...head,
  };
  await command("MSET", keys.head, JSON.stringify(full), keys.snapshot, snapshot);
}

/** What the origin reads, as a front end reads it. */
async function visit(headers: Record<string, string> = {}) {
  await (await fetch(worker.url, { headers })).text();
  return readFlags(origin.last.headers);
}
const status = async () => (await fetch(`${worker.url}/.well-known/sluice`)).json();

const full = (key: string) => ({ key, enabled: true, rollout_pct: 100 });

describe("the flags in Redis reach the origin", () => {
  it("from the first request on, with the read-only token", async () => {
    await publish(7, [full("search"), full("copilot"), { key: "dark", enabled: false, rollout_pct: 100 }]);
    const flags = await visit();
    expect(origin.last.headers["x-flags"]).toBe("copilot, search");
    expect(flags.context).toMatchObject({ version: { epoch: 1, revision: 7 }, source: "redis" });
    expect(await status()).toMatchObject({
      epoch: 1,
      revision: 7,
      source: expect.stringMatching(/memory|redis/) as string,
    });
    expect(worker.log).not.toContain('"fault"');
  });

  it("always with the same result for one person", async () => {
    await publish(
      1,
      Array.from({ length: 16 }, (_, at) => ({ key: `flag-${at}`, enabled: true, rollout_pct: 50 })),
    );
    origin.answer = (_request, response) => void response.setHeader("content-type", "text/html").end("<p>");
    const page = await fetch(worker.url);
    await page.text();
    const before = origin.last.headers["x-flags"];
    const cookie = page.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    await visit({ cookie });
    expect(cookie).toContain("__Host-sluice-id=anon-");
    expect(origin.last.headers["x-flags"]).toBe(before);
  });

  it("for a user that a trusted proxy names, and for nobody who claims it himself", async () => {
    await publish(1, [{ key: "copilot", enabled: true, rollout_pct: 0, targeting: { allowlist: ["zoë"] } }]);
    const claim = { "x-sluice-context": Buffer.from('{"userId":"zoë"}').toString("base64url") };
    expect((await visit({ ...claim, "x-sluice-proof": "a secret of 26 characters" })).enabled).toEqual([
      "copilot",
    ]);
    expect((await visit({ ...claim, "x-sluice-proof": "a secret of 26 characterS" })).enabled).toEqual([]);
    expect((await visit(claim)).enabled).toEqual([]);
    expect(worker.log).toContain("context-unproven");
    expect(worker.log).not.toContain("zo");
  });

  it("before the first publish everything is off, and the fault is reported", async () => {
    expect((await visit()).enabled).toEqual([]);
    expect(await status()).toMatchObject({ epoch: null, source: "none", fault: "head-missing" });
  });
});

describe("after a kill nobody has the feature", () => {
  it("also in the first requests to an idle worker, all at once", async () => {
    await publish(1, [full("copilot")]);
    expect((await visit()).enabled).toEqual(["copilot"]);
    await idle();
    await command("SET", keys.off, '{"copilot":null}');
    const before = origin.seen.length;
    await Promise.all(Array.from({ length: 20 }, () => visit()));
    const told = origin.seen.slice(before).map(({ headers }) => headers["x-flags"]);
    expect(told).toHaveLength(20);
    expect(told.filter((flags) => flags !== undefined)).toEqual([]);
  });

  it("until a later revision turns it on again", async () => {
    await command("SET", keys.off, '{"copilot":[1,2]}');
    await publish(1, [full("copilot")]);
    expect((await visit()).enabled).toEqual([]);
    await publish(2, [full("copilot")]);
    await idle();
    expect((await visit()).enabled).toEqual(["copilot"]);
  });
});

describe("faults with a cached snapshot", () => {
  const contextOfLast = () => decodeFlagsContext(origin.last.headers["x-flags-context"]?.toString() ?? "");

  it("an older revision is refused, and the fault is reported", async () => {
    await publish(5, [full("copilot")]);
    await visit();
    await idle();
    await publish(4, [full("copilot"), full("search")]);
    expect((await visit()).enabled).toEqual(["copilot"]);
    expect(contextOfLast()).toMatchObject({ version: { epoch: 1, revision: 5 }, source: "memory" });
    expect(await status()).toMatchObject({ revision: 5, fault: "older-revision" });
  });

  it("a flushed Redis leaves the cached snapshot, and a new publish arrives within one refresh", async () => {
    await publish(5, [full("copilot")]);
    await visit();
    await command("DEL", keys.head, keys.snapshot, keys.off);
    await idle();
    expect((await visit()).enabled).toEqual(["copilot"]);
    expect(await status()).toMatchObject({ revision: 5, fault: "head-missing" });
    await publish(6, [full("search")]);
    await idle();
    expect((await visit()).enabled).toEqual(["search"]);
    expect(Object.keys((await status()) as object)).not.toContain("fault");
  });

  it("a Redis that is down leaves the cached snapshot, and the site up", async () => {
    await publish(5, [full("copilot")]);
    await visit();
    await redis.stop();
    await idle();
    expect((await visit()).enabled).toEqual(["copilot"]);
    expect(await status()).toMatchObject({ revision: 5, source: "memory", fault: "redis-unreachable" });
  });

  it("a revision that no header can hold does not become an error page", async () => {
    await publish(Number.MAX_SAFE_INTEGER, [full("copilot")]);
    const response = await fetch(worker.url);
    expect(response.status).toBe(200);
    expect(origin.last.headers["x-flags"]).toBeUndefined();
    expect(contextOfLast()).toMatchObject({ source: "none" });
  });
});

it("a stale snapshot turns off every flag without fail_mode last-known", async () => {
  await publish(1, [full("copilot"), { ...full("search"), fail_mode: "last-known" }]);
  const stale = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      SLUICE_ENV: "staging",
      REFRESH_MS: String(refreshMs),
      MAX_STALE_MS: "2000",
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REDIS_TIMEOUT_MS: "5000",
    },
  });
  try {
    await (await fetch(stale.url)).text();
    expect(origin.last.headers["x-flags"]).toBe("copilot, search");
    await redis.stop();
    await sleep(2_100);
    await (await fetch(stale.url)).text();
    expect(origin.last.headers["x-flags"]).toBe("search");
    expect(origin.last.headers["x-flags-context"]).toContain("stale");
  } finally {
    await stale.stop();
  }
});
