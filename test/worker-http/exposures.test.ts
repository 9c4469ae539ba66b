import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

const secret = "a secret of 26 characters";

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;

beforeAll(async () => {
  origin = await startOrigin();
  redis = await startRedisRest();
  await putSnapshot(redis, "production", 7, [
    {
      key: "ai_search",
      enabled: true,
      rollout_pct: 50,
      gates: [{ pattern: "/ai/*", otherwise: { status: 404 } }],
    },
  ]);
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REDIS_TIMEOUT_MS: "5000",
      CONTEXT_SECRET: secret,
      STATIC_PATHS: "/assets/*",
      EXPOSURES_SAMPLE: "1",
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.answer = (_request, response) =>
    void response.setHeader("content-type", "text/html; charset=utf-8").end("<p>hello");
});

interface Exposure {
  readonly targeting_key: string;
  readonly [member: string]: unknown;
}
const exposures = (): readonly Exposure[] =>
  worker.log
    .split("\n")
    .filter((line) => line.includes('"sluice":"exposure"'))
    .map((line) => JSON.parse(line) as Exposure);

const as = (userId: string) => ({
  "x-sluice-context": Buffer.from(JSON.stringify({ userId })).toString("base64url"),
  "x-sluice-proof": secret,
});

/** The exposures of somebody, once one of a later request has been written. */
async function exposuresOf(targetingKey: string, later: string): Promise<readonly Exposure[]> {
  await fetch(`${worker.url}/`, { headers: as(later) });
  await expect.poll(exposures).toContainEqual(expect.objectContaining({ targeting_key: later }));
  return exposures().filter((exposure) => exposure.targeting_key === targetingKey);
}

it("a page of many requests is one exposure of its visitor", async () => {
  for (const path of ["/", "/api/items", "/?utm=1"])
    await fetch(`${worker.url}${path}`, { headers: as("jane") });
  expect(await exposuresOf("jane", "later-1")).toEqual([
    {
      sluice: "exposure",
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      epoch: 1,
      revision: 7,
      targeting_key: "jane",
      // By sha256sum ai_search::jane begins with 4663edb0.
      flags: [["ai_search", "on"]],
    },
  ]);
});

it("a page that a gate closes is an exposure, too", async () => {
  // By sha256sum ai_search::bill begins with 9b467490, beyond the half.
  const out = "bill";
  expect((await fetch(`${worker.url}/ai/chat`, { headers: as(out) })).status).toBe(404);
  expect(await exposuresOf(out, "later-2")).toMatchObject([{ flags: [["ai_search", "off"]] }]);
});

it("a visitor's exposures begin with the request that brings his cookie", async () => {
  const key = (): string => /key=:([^:]+):/.exec(String(origin.last.headers["x-flags-context"]))?.[1] ?? "";
  const idOf = (encoded: string): string => Buffer.from(encoded, "base64").toString();

  origin.answer = (_request, response) =>
    void response.setHeader("content-type", "application/json").end("{}");
  await fetch(`${worker.url}/api/items`);
  const forgotten = idOf(key());
  expect(forgotten).toMatch(/^anon-/);
  expect(await exposuresOf(forgotten, "later-3")).toEqual([]);

  origin.answer = (_request, response) => void response.setHeader("content-type", "text/html").end("<p>");
  const page = await fetch(`${worker.url}/`);
  const kept = idOf(key());
  expect(page.headers.getSetCookie()[0]).toContain(kept);
  expect(await exposuresOf(kept, "later-4")).toHaveLength(1);
});

it("a static path is no exposure", async () => {
  await fetch(`${worker.url}/assets/app.css`, { headers: as("static-reader") });
  expect(await exposuresOf("static-reader", "later-5")).toEqual([]);
});

it("the log contains nothing of the request except the targeting key", async () => {
  await fetch(`${worker.url}/private?token=hush`, { headers: { ...as("carol"), cookie: "session=hush" } });
  const [line = {}] = await exposuresOf("carol", "later-6");
  const doc = await readFile(new URL("../../docs/exposures.md", import.meta.url), "utf8");
  const documented = JSON.parse(/^```json\n([^`]+)```$/m.exec(doc)?.[1] ?? "{}") as object;
  expect(Object.keys(line)).toEqual(Object.keys(documented));
  expect(worker.log).not.toContain("hush");
});
