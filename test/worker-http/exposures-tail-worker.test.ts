import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleWorker } from "../../publisher/dev/edge-worker.ts";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";

const secret = "a secret of 26 characters";
const root = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));

let redis: RedisRest;
let site: Origin;
let warehouse: Origin;
let runtime: Miniflare;
const received: string[] = [];

beforeAll(async () => {
  redis = await startRedisRest();
  await putSnapshot(redis, "production", 7, [{ key: "ai_search", enabled: true, rollout_pct: 50 }]);
  site = await startOrigin();
  warehouse = await startOrigin();
  warehouse.answer = (request, response) =>
    void text(request).then((body) => {
      received.push(body);
      response.end();
    });
  const common = { modules: true, compatibilityDate: "2026-10-23" };
  runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      handleStructuredLogs: () => undefined,
      workers: [
        {
          ...common,
          name: "sluice",
          script: await bundleWorker(root("")),
          tails: ["sluice-exposures"],
          bindings: {
            SLUICE_ENV: "production",
            ORIGIN_URL: site.url,
            UPSTASH_REDIS_REST_URL: redis.url,
            UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
            REDIS_TIMEOUT_MS: "5000",
            CONTEXT_SECRET: secret,
            EXPOSURES_SAMPLE: "1",
          },
        },
        {
          ...common,
          name: "sluice-exposures",
          script: await bundleWorker(root("examples/exposures-tail-worker")),
          bindings: { EXPOSURES_URL: warehouse.url, EXPOSURES_AUTHORIZATION: "Basic abc" },
        },
      ],
    }),
  );
  await runtime.ready;
});
afterAll(async () => {
  await runtime.dispose();
  await redis.stop();
  await site.stop();
  await warehouse.stop();
});

it("only exposures reach the warehouse, as JSON lines", async () => {
  const { origin } = await runtime.ready;
  const as = (context: string) => ({ "x-sluice-context": context, "x-sluice-proof": secret });
  // A line of the log that is none: a context that cannot be read is a fault.
  await fetch(`${origin}/`, { headers: as("garbage") });
  await fetch(`${origin}/`, { headers: as(Buffer.from('{"userId":"jane"}').toString("base64url")) });
  await expect.poll(() => received.join("")).toContain("jane");
  const lines = received.join("").trimEnd().split("\n");
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ sluice: "exposure", revision: 7 });
  expect(lines.filter((line) => line.includes("jane"))).toHaveLength(1);
  expect(warehouse.last.headers).toMatchObject({
    "content-type": "application/x-ndjson",
    authorization: "Basic abc",
  });
});
