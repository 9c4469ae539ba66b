import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import {
  DEAD_REDIS_FAULTS,
  startFaultyRedis,
  type FaultyRedis,
  type RedisFault,
} from "../support/faulty-redis.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

let origin: Origin;
let redis: FaultyRedis;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(() => origin.stop());
beforeEach(async () => {
  redis = await startFaultyRedis();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await redis.stop();
});

const token = "token-that-must-not-be-told";
const start = async (vars: Readonly<Record<string, string>> = {}): Promise<string> => {
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: token,
      ...vars,
    },
  });
  return worker.url;
};

const words: Readonly<Partial<Record<RedisFault, string>>> = {
  refused: "redis-unreachable",
  hang: "redis-timeout",
  stall: "redis-timeout",
  reset: "redis-unreachable",
  "HTTP 500": "redis-refused",
  "HTTP 502 with a page": "redis-garbage",
  "a redirect": "redis-garbage",
  "wrong password": "redis-refused",
  "an error with status 200": "redis-refused",
  "an endless body": "snapshot-too-large",
  "not JSON": "redis-garbage",
  "not a list": "redis-garbage",
  "another list": "redis-garbage",
  "an empty object": "redis-garbage",
  "JSON null": "redis-garbage",
};

describe("Redis down at a cold start: all flags off, the site up", () => {
  it.each(DEAD_REDIS_FAULTS)("%s", async (fault) => {
    redis.fault = fault;
    // Impatient only where it would wait for ever: on a busy machine a fast answer may be a late one.
    const url = await start({ REDIS_TIMEOUT_MS: words[fault] === "redis-timeout" ? "150" : "10000" });
    const pages = await Promise.all(Array.from({ length: 5 }, () => fetch(`${url}/ai`)));
    expect(await Promise.all(pages.map((page) => page.text()))).toEqual(
      Array.from({ length: 5 }, () => "hello"),
    );
    expect(origin.last.headers["x-flags"]).toBeUndefined();
    const context = decodeFlagsContext(origin.last.headers["x-flags-context"]?.toString() ?? "");
    expect(context).toMatchObject({ source: "none" });
    expect(context?.version).toBeUndefined();

    const status = (await (await fetch(`${url}/.well-known/sluice`)).json()) as { fault: string };
    expect(status).toMatchObject({ epoch: null, revision: null, age_ms: null, source: "none" });
    expect(status.fault).toBe(words[fault]);
    expect(worker?.log).toContain(`"fault":"${status.fault}"`);
    expect(worker?.log).not.toContain(token);
  });
});

describe("a worker with wrong settings", () => {
  it("passes pages on and names the variable in its log", async () => {
    const url = await start({ UPSTASH_REDIS_REST_URL: "redis://:hunter2@localhost", REFRESH_MS: "soon" });
    const page = await fetch(`${url}/`, { headers: { "x-flags": "copilot" } });
    expect(await page.text()).toBe("hello");
    expect(origin.last.headers["x-flags"]).toBeUndefined();
    expect(worker?.log).toContain("UPSTASH_REDIS_REST_URL");
    expect(worker?.log).toContain("REFRESH_MS");
    expect(worker?.log).not.toContain("hunter2");
    expect(redis.commands).toBe(0);
  });

  it("reports the missing setting when there is no origin", async () => {
    const url = await start({ ORIGIN_URL: "" });
    const page = await fetch(`${url}/`);
    expect(page.status).toBe(500);
    expect(await page.text()).toContain("ORIGIN_URL is not set");
  });
});

describe("an origin that does not answer", () => {
  it("refused: a 502 without internals", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const address = free.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    free.close();
    await once(free, "close");

    const url = await start({ ORIGIN_URL: `http://127.0.0.1:${port}` });
    const page = await fetch(`${url}/`);
    const body = await page.text();
    expect(page.status).toBe(502);
    expect(page.headers.get("content-type")).toBe("application/problem+json");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(body).not.toContain(String(port));
    const shown = await fetch(`${url}/`, { headers: { accept: "text/html,*/*;q=0.8" } });
    expect(shown.status).toBe(502);
    expect(shown.headers.get("cache-control")).toBe("no-store");
    const html = await shown.text();
    expect(html).toContain("<h1>Bad Gateway</h1>");
    expect(html).not.toContain(String(port));
    expect(worker?.log).toContain('"fault":"origin-unreachable"');
  });

  it("hung up: a 502, and the next request is served", async () => {
    const url = await start();
    origin.answer = (request) => void request.destroy();
    expect((await fetch(`${url}/`)).status).toBe(502);
    origin.answer = (_request, response) => void response.end("hello");
    expect((await fetch(`${url}/`)).status).toBe(200);
  });
});
