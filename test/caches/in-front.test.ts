import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../faults/random.ts";
import type { Origin } from "../support/origin.ts";
import { openBrowsers } from "./browsers.ts";
import { startEdge, type Edge } from "./edge.ts";
import { startSite } from "./site.ts";
import { startCacheApi } from "./start-cache-api.ts";
import { startNginx } from "./start-nginx.ts";
import { startVarnish } from "./start-varnish.ts";

/** All headers with which an origin asks caches to store its pages. */
const KEEP_ME = {
  "cache-control": "public, max-age=600, s-maxage=600",
  "cdn-cache-control": "max-age=600",
  "surrogate-control": "max-age=600",
  "x-accel-expires": "600",
  expires: new Date(Date.now() + 600_000).toUTCString(),
};

/** The worker without the rule that makes answers private. */
const WITHOUT_THE_RULE = {
  "worker/answer/private-answer.ts":
    "export const toPrivateAnswer = (answer: Response) => answer;\nexport const toSharedAnswer = toPrivateAnswer;\n",
};

/** The worker without its marks on entity tags. */
const WITHOUT_MARKS = {
  "worker/answer/validators.ts":
    "export const createValidators = () => ({ unmark: async () => undefined, mark: async () => undefined });\n",
};

const CACHES = [
  ["nginx", startNginx],
  ["Varnish", startVarnish],
  ["a worker with the Cache API", startCacheApi],
] as const;

const IN_FRONT = { inFront: true };

let site: Origin;
let edge: Edge;
beforeAll(async () => {
  site = await startSite(KEEP_ME);
  edge = await startEdge([site.url]);
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
});

const requestsFor = (path: string): number => site.seen.filter(({ url }) => url === path).length;
const assetsWithFlags = (): readonly string[] =>
  site.seen
    .filter(({ url, headers }) => url.startsWith("/assets/") && headers["x-flags-context"] !== undefined)
    .map(({ url }) => url);

describe.each(CACHES)("%s in front of the worker", (name, startCache) => {
  it("shows nobody the page of another visitor in 1,000 requests, half of them after the flag changed for everybody", async () => {
    await edge.publish(0);
    const cache = await startCache(edge.urls[0] ?? "");
    try {
      const { play } = openBrowsers(createRandom(name));
      const before = await play(cache.url, 500, 0, IN_FRONT);
      await edge.publish(1);
      const after = await play(cache.url, 500, 1, IN_FRONT);
      for (const { mixUps, sharedCookies, views } of [before, after]) {
        expect(mixUps).toEqual([]);
        expect(sharedCookies).toEqual([]);
        expect(Object.keys(views).length).toBe(7);
      }
      // The cache did store what it may: only the first requests for an asset reached the origin.
      expect(after.copies["/assets/app.js"]).toBe(after.views["/assets/app.js"]);
      expect(after.copies["/assets/hello.js"]).toBeUndefined();
      expect(assetsWithFlags()).toEqual([]);
    } finally {
      await cache.stop();
    }
  });
});

describe("the test can fail", () => {
  it.each(CACHES)("without the rule for private answers, %s mixes visitors up", async (name, startCache) => {
    const broken = await startEdge([site.url], WITHOUT_THE_RULE);
    const cache = await startCache(broken.urls[0] ?? "");
    try {
      const { play } = openBrowsers(createRandom(name));
      const { mixUps, sharedCookies } = await play(cache.url, 200, 0, IN_FRONT);
      expect(mixUps.length).toBeGreaterThan(10);
      expect(sharedCookies.length).toBeGreaterThan(10);
    } finally {
      await cache.stop();
      await broken.stop();
    }
  });

  it("without marks on entity tags, browsers keep the page of an old decision", async () => {
    const broken = await startEdge([site.url], WITHOUT_MARKS);
    try {
      const { play } = openBrowsers(createRandom("marks"));
      const [url = ""] = broken.urls;
      await play(url, 200, 0, IN_FRONT);
      await broken.publish(1);
      const { mixUps } = await play(url, 200, 1, IN_FRONT);
      expect(mixUps.filter((line) => line.includes("(304)")).length).toBeGreaterThan(10);
    } finally {
      await broken.stop();
    }
  });
});

it("50 requests for an asset reach the origin once", async () => {
  const cache = await startNginx(edge.urls[0] ?? "");
  const before = requestsFor("/assets/once.js");
  await Promise.all(Array.from({ length: 50 }, () => fetch(`${cache.url}/assets/once.js`)));
  await cache.stop();
  expect(requestsFor("/assets/once.js") - before).toBe(1);
});
