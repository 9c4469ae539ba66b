import { afterAll, beforeAll, expect, it } from "vitest";
import { createRandom } from "../faults/random.ts";
import type { Origin } from "../support/origin.ts";
import { openBrowsers } from "./browsers.ts";
import type { SharedCache } from "./cache.ts";
import { startEdge, type Edge } from "./edge.ts";
import { startSite } from "./site.ts";
import { startCacheApi } from "./start-cache-api.ts";
import { startNginx } from "./start-nginx.ts";
import { startVarnish } from "./start-varnish.ts";

const BY_FLAGS = { "cache-control": "public, max-age=600", vary: "x-flags" };
const PRIVATE = { "cache-control": "private" };
const FOR_ALL = { "cache-control": "public, max-age=600" };

/** The cache between worker and origin, and the caching headers of the origin's pages. */
const ARRANGEMENTS = [
  ["nginx, and pages vary by x-flags", startNginx, BY_FLAGS],
  ["Varnish, and pages vary by x-flags", startVarnish, BY_FLAGS],
  ["nginx, and pages are private", startNginx, PRIVATE],
  ["Varnish, and pages are private", startVarnish, PRIVATE],
  ["a worker with the Cache API, and pages are private", startCacheApi, PRIVATE],
] as const;

const sites: Origin[] = [];
const caches: SharedCache[] = [];
let edge: Edge;
beforeAll(async () => {
  for (const [, startCache, headers] of [...ARRANGEMENTS, ["", startVarnish, FOR_ALL] as const]) {
    const site = await startSite(headers);
    sites.push(site);
    caches.push(await startCache(site.url));
  }
  edge = await startEdge(caches.map(({ url }) => url));
});
afterAll(async () => {
  await edge.stop();
  for (const part of [...caches, ...sites]) await part.stop();
});

it.each(ARRANGEMENTS.map(([name, , headers], index) => [name, headers, index] as const))(
  "behind the worker, %s: 1,000 requests show nobody the page of another visitor",
  async (name, headers, index) => {
    const rules = { inFront: false, byFlags: headers === BY_FLAGS };
    const url = edge.urls[index] ?? "";
    const { play } = openBrowsers(createRandom(name));
    await edge.publish(0);
    const before = await play(url, 500, 0, rules);
    await edge.publish(1);
    const after = await play(url, 500, 1, rules);
    expect([...before.mixUps, ...after.mixUps]).toEqual([]);
    expect([...before.sharedCookies, ...after.sharedCookies]).toEqual([]);
    // The cache did store what it may.
    expect(after.copies["/assets/app.js"]).toBe(after.views["/assets/app.js"]);
    expect(after.copies["/page"] ?? 0).toBe(headers === BY_FLAGS ? after.views["/page"] : 0);
    expect(edge.log).not.toContain("shared-copy");
  },
);

it("a cache that does not vary by flags mixes visitors up, and the worker logs shared-copy", async () => {
  await edge.publish(0);
  const { play } = openBrowsers(createRandom("told nothing"));
  const url = edge.urls[ARRANGEMENTS.length] ?? "";
  const { mixUps } = await play(url, 200, 0, { inFront: false });
  expect(mixUps.length).toBeGreaterThan(10);
  const askAgain = async (): Promise<string> => {
    // The worker recognizes a copy by its Age, which must be a second first.
    await (await fetch(`${url}/page`)).text();
    return edge.log;
  };
  await expect.poll(askAgain).toContain('"fault":"shared-copy"');
});
