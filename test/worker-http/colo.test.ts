import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { startFaultyRedis, type FaultyRedis } from "../support/faulty-redis.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { startColo, type RunningColo } from "../support/worker.ts";
import { patient } from "../support/patience.ts";

const ISOLATES = 8;

let origin: Origin;
let redis: RedisRest;
let counter: FaultyRedis;
let colo: RunningColo;

beforeAll(async () => {
  origin = await startOrigin();
  redis = await startRedisRest();
  counter = await startFaultyRedis(redis.url);
  colo = await startColo({
    isolates: Array.from({ length: ISOLATES }, () => ({
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: counter.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REDIS_TIMEOUT_MS: "5000",
    })),
  });
});
afterAll(async () => {
  await colo.stop();
  await counter.stop();
  await redis.stop();
  await origin.stop();
});

interface Status {
  readonly revision: number;
  readonly source: string;
  readonly since_ms?: number;
}

const status = async (url: string): Promise<Status> =>
  (await (await fetch(`${url}/.well-known/sluice`)).json()) as Status;

const large = (text: string) => [
  {
    key: "copilot",
    enabled: true,
    rollout_pct: 0,
    targeting: { allowlist: Array.from({ length: 10_000 }, (_, at) => `${text}-${at}`) },
  },
];

const snapshots = () => counter.log.filter((keys) => keys.includes("snapshot")).length;

it("a large snapshot is read once for the colo, not once for every isolate", async () => {
  await putSnapshot(redis, "production", 1, large("first"));
  const sources: string[] = [];
  for (const url of colo.urls) {
    const { revision, source } = await status(url);
    expect(revision).toBe(1);
    sources.push(source);
    // The cache is filled behind the answer.
    await sleep(500);
  }
  expect(sources).toContain("colo");
  expect(snapshots()).toBeLessThan(ISOLATES / 2);

  await putSnapshot(redis, "production", 2, large("second"));
  const deadline = Date.now() + patient(60_000);
  const held = new Set<string>();
  while (held.size < ISOLATES) {
    if (Date.now() > deadline) throw new Error(`only ${held.size} of ${ISOLATES} isolates have revision 2`);
    for (const url of colo.urls) {
      const { revision, since_ms: sinceMs } = await status(url);
      if (revision !== 2) continue;
      held.add(url);
      expect(sinceMs).toBeGreaterThanOrEqual(0);
    }
    await sleep(100);
  }
  expect(snapshots()).toBeLessThan(ISOLATES);
});

it("Redis is asked about once per refresh time for all isolates together", async () => {
  const before = counter.commands;
  const end = Date.now() + 15_000;
  while (Date.now() < end) {
    for (const url of colo.urls) await status(url);
    await sleep(100);
  }
  // Each for itself, eight isolates would ask 24 times.
  expect(counter.commands - before).toBeLessThan(12);
});
