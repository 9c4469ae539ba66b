import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { command, putSnapshot } from "../support/published.ts";
import { sendRaw } from "../support/raw-request.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";
import { patient } from "../support/patience.ts";

const secret = "a secret of 26 characters";

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;

const gated = (key: string, pattern: string, otherwise: object) => ({
  key,
  enabled: true,
  rollout_pct: 0,
  targeting: { allowlist: ["member"] },
  gates: [{ pattern, otherwise }],
});

beforeAll(async () => {
  origin = await startOrigin();
  redis = await startRedisRest();
  await putSnapshot(redis, "production", 1, [
    gated("rewritten", "/ai/*", { rewrite: "/classic?from=ai" }),
    gated("redirected", "/beta/:page", { redirect: "/home", status: 307 }),
    gated("hidden", "/secret/*", { status: 404 }),
    gated("retired", "/old", { status: 410 }),
    gated("shown", "/shown/*", { status: 404, page: "/shown/not-found?from=gate" }),
    gated("nowhere", "/nowhere/*", { status: 410, page: "/secret/not-found" }),
    gated("elsewhere", "/elsewhere/*", { status: 403, page: "/ai/sorry" }),
    { ...gated("broken", "/broken/*", { captcha: true }), rollout_pct: 100 },
  ]);
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
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
  await origin.stop();
});
beforeEach(() => {
  origin.answer = (_request, response) => void response.end("hello");
});

const member = {
  "x-sluice-context": Buffer.from('{"userId":"member"}').toString("base64url"),
  "x-sluice-proof": secret,
};
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${worker.url}${path}`, { redirect: "manual", ...init });

describe("a closed gate", () => {
  it("passes the request on with another path, which x-flags-context repeats", async () => {
    const response = await ask("/ai/chat?q=1", { method: "POST", body: "question" });
    expect(response.status).toBe(200);
    expect(origin.last).toMatchObject({ method: "POST", url: "/classic?from=ai&q=1" });
    const context = decodeFlagsContext(origin.last.headers["x-flags-context"]?.toString() ?? "");
    expect(context).toMatchObject({ method: "POST", path: "/classic?from=ai&q=1" });
    expect(origin.last.headers["x-flags"]).toBeUndefined();
  });

  it.each(["GET", "HEAD", "POST", "PUT", "DELETE"])("redirects without caching (%s)", async (method) => {
    const before = origin.seen.length;
    const response = await ask("/beta/start", { method });
    expect(response.status).toBe(307);
    expect(response.headers.get("location")).toBe("/home");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(origin.seen).toHaveLength(before);
  });

  it.each([
    ["/secret/x", 404],
    ["/old", 410],
  ])("hides %s from people and programs alike", async (path, status) => {
    const page = await ask(path, { headers: { accept: "text/html,*/*" } });
    expect(page.status).toBe(status);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(await page.text()).toContain("<h1>");
    // Whoever comes to a closed page first keeps his place all the same.
    expect(page.headers.getSetCookie()[0]).toContain("__Host-sluice-id=anon-");

    const answer = await ask(path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({ status });
    expect(await (await ask(path, { method: "HEAD" })).text()).toBe("");
  });

  it("keeps a WebSocket out", async () => {
    const before = origin.seen.length;
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/secret/live`);
    await once(socket, "error");
    expect(origin.seen).toHaveLength(before);
  });

  it("rewrites a WebSocket", async () => {
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/ai/live`);
    await once(socket, "open");
    expect(origin.last.url).toBe("/classic?from=ai");
    socket.send("bye");
    await once(socket, "message");
    socket.close();
    await once(socket, "close");
  });

  it("rewrites a request with a body, byte for byte", async () => {
    const sent = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 256));
    const bodies: Buffer[] = [];
    origin.answer = (request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(chunk));
      request.on("end", () => response.end());
    };
    await ask("/ai/upload?name=%2Fx&name=b+c", { method: "PUT", body: sent });
    expect(origin.last).toMatchObject({ method: "PUT", url: "/classic?from=ai&name=%2Fx&name=b+c" });
    expect(Buffer.concat(bodies).equals(sent)).toBe(true);
  });

  it.each([
    ["leads a stream of events elsewhere", {}, "/classic?from=ai"],
    ["lets one through to whom the flag is on", member, "/ai/events"],
  ])("%s, each event at once", async (_name, headers, url) => {
    let proceed = (): void => undefined;
    origin.answer = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: first\n\n");
      // The second one is sent when the first has been read: held back, both would never come.
      proceed = () => void response.end("data: second\n\n");
    };
    const response = await ask("/ai/events", { headers: { accept: "text/event-stream", ...headers } });
    expect(origin.last.url).toBe(url);
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array);
      if (text === "data: first\n\n") proceed();
    }
    expect(text).toBe("data: first\n\ndata: second\n\n");
  });

  it("lets a WebSocket through when the flag is on", async () => {
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/secret/live`, { headers: member });
    await once(socket, "open");
    expect(origin.last.url).toBe("/secret/live");
    socket.close();
    await once(socket, "close");
  });

  it("is open when the flag is on", async () => {
    for (const path of ["/ai/chat", "/beta/start", "/secret/x", "/old"]) {
      expect((await ask(path, { headers: member })).status).toBe(200);
      expect(origin.last.url).toBe(path);
    }
  });

  it("that is partly unreadable closes its readable paths, turns its flag off and is reported", async () => {
    expect((await ask("/broken/x", { headers: member })).status).toBe(404);
    await ask("/", { headers: member });
    expect(origin.last.headers["x-flags"]).toBe(
      "elsewhere, hidden, nowhere, redirected, retired, rewritten, shown",
    );
    expect(await (await ask("/.well-known/sluice")).json()).toMatchObject({
      revision: 1,
      gates: "snapshot",
      fault: "gates-unreadable",
    });
    expect(worker.log).toContain("gates of broken cannot be read");
  });

  // As it is written, which no HTTP client does.
  it.each([
    "/secret/x",
    "//secret/x",
    "/./secret/x",
    "/a/../secret/x",
    "/a/%2e%2e/secret/x",
    "/a/..%2fsecret/x",
    "/%73ecret/x",
    "/%2573ecret/x",
    "/SECRET/x",
    "/secret%2fx",
    "/secret%5cx",
    "\\secret\\x",
    "/secret\\x",
    "/secret;a=b/x",
    "/secret/x#y",
    "http://www.example.com/secret/x",
  ])("is not passed by %s", async (target) => {
    const before = origin.seen.length;
    const answer = await sendRaw(worker.url, [`GET ${target} HTTP/1.1`]);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(origin.seen).toHaveLength(before);
  });
});

describe("a page of the site that a gate shows", () => {
  const browser = { accept: "text/html,*/*;q=0.8" };
  const page = (status = 200, type = "text/html; charset=utf-8"): Origin["answer"] => {
    return (_request, response) =>
      response
        .writeHead(status, { "content-type": type, etag: '"1"', "cache-control": "public, max-age=600" })
        .end("<h1>Nothing here</h1>");
  };

  it("comes from the origin, with the status of the gate, without caching", async () => {
    origin.answer = page();
    const response = await ask("/shown/x?q=1", { headers: { ...browser, "accept-language": "de" } });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("<h1>Nothing here</h1>");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("etag")).toBeNull();
    expect(response.headers.getSetCookie()[0]).toContain("__Host-sluice-id=anon-");
    expect(origin.last).toMatchObject({ method: "GET", url: "/shown/not-found?from=gate" });
    expect(origin.last.headers["accept-language"]).toBe("de");
    const context = decodeFlagsContext(origin.last.headers["x-flags-context"]?.toString() ?? "");
    expect(context).toMatchObject({ method: "GET", path: "/shown/not-found?from=gate" });
  });

  it("is requested without the headers about the original request", async () => {
    origin.answer = page();
    const headers = {
      ...browser,
      range: "bytes=0-3",
      "if-none-match": '"1"',
      "x-http-method-override": "DELETE",
      rsc: "1",
    };
    const response = await ask("/shown/x", { method: "POST", body: "secret", headers });
    expect(response.status).toBe(404);
    expect(origin.last.method).toBe("GET");
    for (const name of ["range", "if-none-match", "x-http-method-override", "rsc", "content-type"]) {
      expect([name, origin.last.headers[name]]).toEqual([name, undefined]);
    }
    expect(origin.last.headers["content-length"] ?? "0").toBe("0");
  });

  it("has no body for HEAD", async () => {
    origin.answer = page();
    const response = await ask("/shown/x", { method: "HEAD", headers: browser });
    expect(response.status).toBe(404);
    expect(origin.last).toMatchObject({ method: "HEAD", url: "/shown/not-found?from=gate" });
  });

  it("may be the target of another gate", async () => {
    origin.answer = page();
    const response = await ask("/elsewhere/x", { headers: browser });
    expect([response.status, await response.text()]).toEqual([403, "<h1>Nothing here</h1>"]);
    expect(origin.last.url).toBe("/classic?from=ai");
  });

  it.each([
    ["an error", page(500)],
    ["a page that is not there", page(404)],
    ["a redirect", page(302)],
    ["a part", page(206)],
    ["something else than a page", page(200, "application/json")],
    ["nothing", (request) => void request.socket.destroy()],
  ] satisfies [string, Origin["answer"]][])(
    "is the worker's own plain one when the origin has %s",
    async (_name, answer) => {
      origin.answer = answer;
      const response = await ask("/shown/x", { headers: browser });
      expect(response.status).toBe(404);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await response.text()).toContain("There is no such page here.");
    },
  );

  it("is the worker's own page when a gate closes it, and for programs; the origin is not asked", async () => {
    const before = origin.seen.length;
    const closed = await ask("/nowhere/x", { headers: browser });
    expect([closed.status, await closed.text()]).toEqual([410, expect.stringContaining("<h1>Gone</h1>")]);
    const program = await ask("/shown/x");
    expect([program.status, await program.json()]).toEqual([404, expect.objectContaining({ status: 404 })]);
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/shown/live`, { headers: browser });
    await once(socket, "error");
    expect(origin.seen).toHaveLength(before);
  });
});

it("a gate closes when its flag is killed, and opens with the flag", async () => {
  const off = "sluice:production:off";
  const expectStatus = async (status: number): Promise<void> => {
    const deadline = Date.now() + patient(60_000);
    while ((await ask("/secret/x", { headers: member })).status !== status) {
      if (Date.now() > deadline) throw new Error(`/secret/x never answered ${status}`);
    }
  };
  await expectStatus(200);
  await command(redis, "SET", off, '{"hidden":null}');
  await expectStatus(404);
  await command(redis, "SET", off, "{}");
  await expectStatus(200);
});
