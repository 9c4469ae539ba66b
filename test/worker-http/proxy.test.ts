import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { sendRaw } from "../support/raw-request.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

let origin: Origin;
let worker: RunningWorker;

beforeAll(async () => {
  origin = await startOrigin();
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1",
      UPSTASH_REDIS_REST_TOKEN: "nobody-listens-there",
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.answer = (_request, response) => void response.end("hello");
});

describe("requests arrive unchanged", () => {
  it.each([
    "/",
    "/a%20b//c?x=%zz&&y",
    "//evil.example/x",
    "/%2e%2e%2fetc?q=1?2",
    "/ü?ü",
    "/a;b=c,d@e:f",
    "/?a b",
  ])("%s", async (path) => {
    const { pathname, search } = new URL(`${worker.url}${path}`);
    await fetch(`${worker.url}${path}`);
    expect(origin.last.url).toBe(`${pathname}${search}`);
    const context = decodeFlagsContext(origin.last.headers["x-flags-context"]?.toString() ?? "");
    expect(context).toMatchObject({ method: "GET", host: new URL(origin.url).host, path: origin.last.url });
  });

  it("and bypass caches on the way", async () => {
    await fetch(`${worker.url}/page`);
    // What workerd writes for `cache: "no-store"`; on Cloudflare its own cache is left out, too.
    expect(origin.last.headers).toMatchObject({ "cache-control": "no-cache", pragma: "no-cache" });
  });

  it("an upload of 5 MB, which the origin reads while it is being sent", async () => {
    const body = randomBytes(5 * 1024 * 1024);
    const received = createHash("sha256");
    const begun = Promise.withResolvers<void>();
    origin.answer = (request, response) => {
      request.on("data", (chunk: Buffer) => {
        received.update(chunk);
        begun.resolve();
      });
      request.on("end", () => response.writeHead(201).end());
    };
    const upload = httpRequest(`${worker.url}/upload`, {
      method: "PUT",
      headers: { "content-length": body.length, "content-type": "application/octet-stream" },
    });
    upload.write(body.subarray(0, 1024 * 1024));
    await begun.promise;
    upload.end(body.subarray(1024 * 1024));
    const [response] = (await once(upload, "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(201);
    expect(received.digest("hex")).toBe(createHash("sha256").update(body).digest("hex"));
    expect(origin.last.headers["content-length"]).toBe(String(body.length));
  });

  it("an upload of unknown length", async () => {
    const received: Promise<string>[] = [];
    origin.answer = (request, response) => {
      received.push(text(request));
      void received[0]?.then(() => response.end());
    };
    const upload = httpRequest(`${worker.url}/upload`, { method: "POST" });
    upload.write("one ");
    upload.end("two");
    await once(upload, "response");
    expect(await received[0]).toBe("one two");
  });

  it("a GET with a body is answered", async () => {
    const answer = await sendRaw(worker.url, ["GET /search HTTP/1.1", "Content-Length: 3"], "{ }");
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(origin.last.url).toBe("/search");
  });
});

describe("answers come back unchanged", () => {
  it("events as they happen", async () => {
    const rest = Promise.withResolvers<void>();
    origin.answer = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      response.write("data: first\n\n");
      void rest.promise.then(() => response.end("data: last\n\n"));
    };
    const response = await fetch(`${worker.url}/events`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    // The second is sent only once the first has arrived: buffered, this would never end.
    expect((await reader?.read())?.value).toBe("data: first\n\n");
    rest.resolve();
    expect((await reader?.read())?.value).toBe("data: last\n\n");
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  it("a WebSocket in both directions", async () => {
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/socket?room=1`);
    const heard: unknown[] = [];
    socket.addEventListener("message", ({ data }) => {
      heard.push(data);
      if (heard.length === 2) socket.close();
    });
    socket.addEventListener("open", () => {
      socket.send("hello");
      socket.send("again");
    });
    await new Promise((resolve, reject) => {
      socket.addEventListener("close", resolve);
      socket.addEventListener("error", reject);
    });
    expect(heard).toEqual(["HELLO", "AGAIN"]);
    expect(origin.last.url).toBe("/socket?room=1");
  });

  it("a redirect is the client's to follow", async () => {
    origin.answer = (_request, response) => response.writeHead(302, { location: "/elsewhere" }).end();
    const response = await fetch(`${worker.url}/here`, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("/elsewhere");
  });

  it("HEAD has the length of the GET answer", async () => {
    origin.answer = (_request, response) =>
      response.writeHead(200, { "content-type": "text/html", "content-length": "12345", etag: '"e"' }).end();
    const answer = await sendRaw(worker.url, ["HEAD /page HTTP/1.1"]);
    expect(origin.last.method).toBe("HEAD");
    expect(answer.toLowerCase()).toContain("content-length: 12345\r\n");
    expect(answer).toMatch(/"e;sluice=[\w-]{11}"\r\n/);
  });

  it.each([204, 304, 404, 418, 500, 503])("status %d", async (status) => {
    origin.answer = (_request, response) => response.writeHead(status, { "x-origin": "yes" }).end();
    const response = await fetch(`${worker.url}/status`);
    expect(response.status).toBe(status);
    expect(response.headers.get("x-origin")).toBe("yes");
  });

  it.each(["text/html", "application/json"])("compressed %s stays readable", async (type) => {
    const page = "<p>hello</p>".repeat(1_000);
    origin.answer = (_request, response) =>
      response.writeHead(200, { "content-type": type, "content-encoding": "gzip" }).end(gzipSync(page));
    const asked = httpRequest(`${worker.url}/page`, { headers: { "accept-encoding": "gzip" } }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const plain = response.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    expect(plain.toString()).toBe(page);
    expect(response.headers["set-cookie"]?.length).toBe(type === "text/html" ? 1 : undefined);
  });
});

describe("the anonymous id", () => {
  const page = (headers: Record<string, string | readonly string[]> = {}) => {
    origin.answer = (_request, response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.setHeader("content-type", "text/html").end("<p>hello");
    };
  };
  const key = (): string | undefined =>
    decodeFlagsContext(origin.last.headers["x-flags-context"]?.toString() ?? "")?.targetingKey;

  it("comes with the first page, counts at once, and is not sent again", async () => {
    page({ "set-cookie": ["a=1; Path=/", "b=2"] });
    const first = await fetch(`${worker.url}/`);
    const cookies = first.headers.getSetCookie();
    expect(cookies.slice(0, 2)).toEqual(["a=1; Path=/", "b=2"]);
    expect(cookies[2]).toMatch(
      /^__Host-sluice-id=anon-[\w-]{22}\.\d{5}; Path=\/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax$/,
    );
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    const id = key();
    expect(cookies[2]).toContain(`=${id}.`);

    page();
    const cookie = `theme=dark; ${cookies[2]?.split(";")[0]}`;
    const second = await fetch(`${worker.url}/`, { headers: { cookie } });
    expect(key()).toBe(id);
    expect(origin.last.headers.cookie).toBe(cookie);
    expect(second.headers.getSetCookie()).toEqual([]);
    expect(second.headers.get("cache-control")).toBe("private, no-cache");
  });

  it("comes with a page that the origin marked public, which becomes private", async () => {
    page({ "cache-control": "public, max-age=60", "cdn-cache-control": "max-age=600" });
    const response = await fetch(`${worker.url}/`);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(response.headers.has("cdn-cache-control")).toBe(false);
  });

  it("cannot claim a user's id", async () => {
    page();
    await fetch(`${worker.url}/`, { headers: { cookie: "__Host-sluice-id=user-1" } });
    expect(key()).toMatch(/^anon-/);
  });
});
