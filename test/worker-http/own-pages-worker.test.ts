import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEdgeWorker, type EdgeWorker } from "../../publisher/dev/edge-worker.ts";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { putSnapshot } from "../support/published.ts";

const secret = "a secret of 26 characters";

let redis: RedisRest;
let worker: EdgeWorker;

beforeAll(async () => {
  redis = await startRedisRest();
  await putSnapshot(redis, "production", 1, [
    {
      key: "ai_search",
      enabled: true,
      rollout_pct: 0,
      targeting: { allowlist: ["member"] },
      gates: [{ pattern: "/ai/*", otherwise: { rewrite: "/" } }],
    },
  ]);
  worker = await startEdgeWorker({
    root: fileURLToPath(new URL("../../examples/own-pages-worker", import.meta.url)),
    vars: {
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REDIS_TIMEOUT_MS: "5000",
      CONTEXT_SECRET: secret,
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
});

const member = {
  "x-sluice-context": Buffer.from('{"userId":"member"}').toString("base64url"),
  "x-sluice-proof": secret,
};
const titleOf = (page: string): string | undefined => /<h1>(.*)<\/h1>/.exec(page)?.[1];

it.each([
  ["/", {}, "Search"],
  ["/", member, "AI search"],
  ["/ai?q=why", {}, "Search"],
  ["/ai?q=why", { "x-flags": "ai_search" }, "Search"],
  ["/%61i", {}, "Search"],
  ["/ai/answer", {}, "Search"],
])("%s as %j is the page %s", async (path, headers, title) => {
  const response = await fetch(`${worker.url}${path}`, { headers });
  expect(response.status).toBe(200);
  expect(titleOf(await response.text())).toBe(title);
  expect(response.headers.get("cache-control")).toBe("private, no-cache");
  expect(response.headers.getSetCookie()).toHaveLength("x-sluice-proof" in headers ? 0 : 1);
});

it("visitors with the feature get the answer as events", async () => {
  const page = await fetch(`${worker.url}/ai?q=%3Cscript%3Ewhy`, { headers: member });
  expect(await page.text()).toContain("You asked: &lt;script&gt;why");
  const answer = await fetch(`${worker.url}/ai/answer?q=why`, { headers: member });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  expect(await answer.text()).toMatch(/^data: 1\n\n.*event: end\ndata: \n\n$/s);
});

it("reports its snapshot", async () => {
  const response = await fetch(`${worker.url}/.well-known/sluice`);
  expect(await response.json()).toMatchObject({ epoch: 1, revision: 1, gates: "snapshot" });
});
