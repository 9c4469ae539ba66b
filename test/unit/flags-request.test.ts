import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { encodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags, type RequestLike } from "../../shared/x-flags/read-flags.ts";
import { SIGNED_AT, SIGNED_CONTEXT, keysText, signedHeaders } from "../support/signed-headers.ts";

const OPTIONS = { keys: keysText("new"), now: SIGNED_AT };
const node = (more: object = {}): RequestLike => ({
  method: "GET",
  url: "/ai?q=1",
  headers: { host: "www.example.com" },
  ...more,
});

describe("the request that the worker decided for", () => {
  test.for<{ name: string; request: RequestLike }>([
    { name: "Fetch's", request: new Request("https://www.example.com/ai?q=1") },
    { name: "Fetch's, by another scheme", request: new Request("http://www.example.com/ai?q=1#top") },
    { name: "Node's", request: node() },
    { name: "Node's over HTTP/2", request: node({ headers: { ":authority": "www.example.com" } }) },
    {
      name: "Node's, with an absolute URL as for a proxy",
      request: node({ url: "http://www.example.com/ai?q=1", headers: {} }),
    },
    { name: "Node's, with a host in capitals", request: node({ headers: { host: "WWW.example.com" } }) },
    { name: "cut by a router", request: node({ url: "/?q=1", originalUrl: "/ai?q=1" }) },
    {
      name: "with a framework's own properties for host and path",
      request: node({ host: "elsewhere.example", path: "/ai" }),
    },
    { name: "its parts as an object", request: { method: "GET", host: "www.example.com", path: "/ai?q=1" } },
  ])("$name", async ({ request }) => {
    const flags = await readFlags(await signedHeaders({ flags: "ai" }), { ...OPTIONS, request });
    expect(flags.problem).toBeUndefined();
    expect(flags.isEnabled("ai")).toBe(true);
  });

  test("is also compared without keys", async () => {
    const headers = { "x-flags": "ai", "x-flags-context": encodeFlagsContext(SIGNED_CONTEXT) };
    expect((await readFlags(headers, { request: node() })).isEnabled("ai")).toBe(true);
    const flags = await readFlags(headers, { request: node({ method: "POST" }) });
    expect(flags.isEnabled("ai")).toBe(false);
    expect(flags.problem).toContain("method differ");
  });
});

describe("another request", () => {
  test.for<{ name: string; request: RequestLike; differing: string }>([
    { name: "another method", request: node({ method: "POST" }), differing: "method" },
    { name: "a method in lower case", request: node({ method: "get" }), differing: "method" },
    { name: "another path", request: node({ url: "/" }), differing: "path" },
    { name: "a longer path", request: node({ url: "/ai/x?q=1" }), differing: "path" },
    { name: "another spelling", request: node({ url: "/%61i?q=1" }), differing: "path" },
    { name: "another query", request: node({ url: "/ai?q=2" }), differing: "path" },
    { name: "no query", request: node({ url: "/ai" }), differing: "path" },
    { name: "another host", request: node({ headers: { host: "example.com" } }), differing: "host" },
    { name: "a port", request: node({ headers: { host: "www.example.com:8080" } }), differing: "host" },
    { name: "no host", request: node({ headers: {} }), differing: "host" },
    { name: "two hosts", request: node({ headers: { host: ["www.example.com"] } }), differing: "host" },
    { name: "no headers", request: node({ headers: undefined }), differing: "host" },
    { name: "another origin", request: new Request("https://evil.example/ai?q=1"), differing: "host" },
    { name: "an invalid URL", request: node({ url: "*" }), differing: "host and path" },
    { name: "an object without parts", request: {}, differing: "method and host and path" },
  ])("$name", async ({ request, differing }) => {
    const flags = await readFlags(await signedHeaders({ flags: "ai" }), { ...OPTIONS, request });
    expect(flags.enabled).toStrictEqual([]);
    expect(flags.problem).toContain(`of another request: ${differing} differ`);
  });

  test.for([null, 7, "GET /ai"])("given %j", async (request) => {
    const options = { ...OPTIONS, request: request as unknown as RequestLike };
    expect((await readFlags(await signedHeaders({ flags: "ai" }), options)).isEnabled("ai")).toBe(false);
  });

  test("a path that the worker had to cut", async () => {
    const path = `/${"a".repeat(4_095)}`;
    const headers = await signedHeaders({ flags: "ai", context: { ...SIGNED_CONTEXT, path: `${path}#` } });
    for (const asked of [path, `${path}#`, `${path}a`]) {
      const flags = await readFlags(headers, { ...OPTIONS, request: node({ url: asked }) });
      expect(flags.isEnabled("ai")).toBe(false);
      expect(flags.problem).toContain("too long");
    }
    // Without a comparison the path is not read.
    expect((await readFlags(headers, OPTIONS)).isEnabled("ai")).toBe(true);
  });
});

test("what a real server calls a request", async () => {
  const seen = Promise.withResolvers<string | undefined>();
  const server = createServer((request, response) => {
    const host = String(request.headers.host);
    void signedHeaders({ flags: "ai", context: { ...SIGNED_CONTEXT, host } })
      .then((headers) => readFlags(headers, { ...OPTIONS, request }))
      .then(({ problem }) => seen.resolve(problem))
      .finally(() => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  httpRequest({ port, host: "127.0.0.1", path: "/ai?q=1" }).end();
  expect(await seen.promise).toBeUndefined();
  server.close();
});
