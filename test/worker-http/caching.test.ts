import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
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
  await putSnapshot(redis, "production", 1, [
    {
      key: "ai_search",
      enabled: true,
      rollout_pct: 0,
      targeting: { allowlist: ["member"] },
      gates: [
        { pattern: "/assets/ai/*", otherwise: { status: 404 } },
        { pattern: "/ai", otherwise: { rewrite: "/classic" } },
      ],
    },
  ]);
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REDIS_TIMEOUT_MS: "5000",
      CONTEXT_SECRET: secret,
      STATIC_PATHS: "/assets/*,/favicon.ico",
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
  await origin.stop();
});

/** One file for everybody: its tag does not know of flags. */
beforeEach(() => {
  origin.answer = (request, response) => {
    response.setHeader("cache-control", "public, max-age=600");
    response.setHeader("etag", '"build-7"');
    response.setHeader("content-type", "text/html");
    if (request.headers["if-none-match"] === '"build-7"') return response.writeHead(304).end();
    return response.end(request.headers["x-flags"] === undefined ? "off" : "on");
  };
});

const member = {
  "x-sluice-context": Buffer.from('{"userId":"member"}').toString("base64url"),
  "x-sluice-proof": secret,
};
const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  fetch(`${worker.url}${path}`, { redirect: "manual", ...init, headers });
const told = (): readonly string[] =>
  Object.keys(origin.last.headers).filter((name) => name.startsWith("x-flags"));

describe("a path of STATIC_PATHS", () => {
  it.each(["/assets/app.js", "/assets/a%20b.png?v=2", "/favicon.ico"])(
    "costs no decision and keeps its caching: %s",
    async (path) => {
      const response = await ask(path, { ...member, "x-flags": "ai_search" });
      expect(response.headers.get("cache-control")).toBe("public, max-age=600");
      expect(response.headers.get("etag")).toBe('"build-7"');
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(origin.last.url).toBe(path);
      expect(told()).toEqual([]);
      expect(origin.last.headers["x-sluice-proof"]).toBeUndefined();
      // It may come out of Cloudflare's cache, which is left out where a decision counts.
      expect(origin.last.headers.pragma).toBeUndefined();
      expect((await ask(path, { "if-none-match": '"build-7"' })).status).toBe(304);
    },
  );

  it.each(["/assets/..%2fai", "/assets/%2e%2e%2fclassic", "/assets"])(
    "%s is not one of them",
    async (path) => {
      const response = await ask(path);
      expect(response.headers.get("cache-control")).toBe("private, no-cache");
      expect(told()).toContain("x-flags-context");
    },
  );

  it("does not open a gate, and is evaluated behind one", async () => {
    expect((await ask("/assets/ai/model.bin")).status).toBe(404);
    expect((await ask("/assets/x/..%2fai/model.bin")).status).toBe(404);
    const response = await ask("/assets/ai/model.bin", member);
    expect(await response.text()).toBe("on");
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
  });

  it("is private when it sets a cookie", async () => {
    origin.answer = (_request, response) =>
      response.writeHead(200, { "cache-control": "public, max-age=600", "set-cookie": "a=1" }).end();
    const response = await ask("/assets/app.js");
    expect(response.headers.getSetCookie()).toEqual(["a=1"]);
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
  });

  it("is static only for reads: a POST is evaluated", async () => {
    const response = await ask("/favicon.ico", {}, { method: "POST" });
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(told()).toContain("x-flags-context");
  });
});

describe("a browser's copy", () => {
  const etagOf = async (path: string, headers = {}): Promise<string> =>
    (await ask(path, headers)).headers.get("etag") ?? "";

  it("is confirmed while the decision is unchanged", async () => {
    const etag = await etagOf("/page", member);
    const again = await ask("/page", { ...member, "if-none-match": etag });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(etag);
    expect(again.headers.get("cache-control")).toBe("private, no-cache");
    expect(origin.last.headers["if-none-match"]).toBe('"build-7"');
  });

  it("is not confirmed after the decision has changed, even if the origin has one tag for both", async () => {
    const etag = await etagOf("/page", member);
    const since = new Date().toUTCString();
    const now = await ask("/page", { "if-none-match": etag, "if-modified-since": since });
    expect(now.status).toBe(200);
    expect(await now.text()).toBe("off");
    expect(now.headers.get("etag")).not.toBe(etag);
  });

  it("is not confirmed to a browser that needs the cookie: a 304 would never bring it", async () => {
    const page = { accept: "text/html,*/*" };
    const first = await ask("/page", page);
    const condition = { ...page, "if-none-match": first.headers.get("etag") ?? "" };
    const [cookie = ""] = (first.headers.get("set-cookie") ?? "").split(";");
    expect((await ask("/page", { ...condition, cookie })).status).toBe(304);
    for (const lost of ["a=b", "__Host-sluice-id=forged"]) {
      const again = await ask("/page", { ...condition, cookie: lost });
      expect(again.status).toBe(200);
      expect(again.headers.get("set-cookie")).toContain("__Host-sluice-id=anon-");
    }
    // A program has no cookies to lose.
    const { "if-none-match": tag } = condition;
    expect((await ask("/page", { accept: "application/json", "if-none-match": tag })).status).toBe(304);
  });

  it("of a gated page does not confirm the page shown instead", async () => {
    const classic = await etagOf("/ai");
    const response = await ask("/ai", { ...member, "if-none-match": classic });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("on");
  });
});

it("a page from a cache behind the worker is reported as a fault, unless that cache varies by flags", async () => {
  const copy = { "content-type": "text/html", age: "7" };
  origin.answer = (_request, response) => response.writeHead(200, { ...copy, vary: "x-flags" }).end();
  await ask("/page");
  expect(worker.log).not.toContain("shared-copy");
  origin.answer = (_request, response) => response.writeHead(200, copy).end();
  await ask("/page");
  await expect.poll(() => worker.log).toContain('"fault":"shared-copy"');
});
