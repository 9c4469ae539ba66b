import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { sendRaw } from "../support/raw-request.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
  await system.call("POST", "/api/v1/flags", { body: { key: "there" } });
});
afterAll(() => system.stop());

const AUTHORIZATION = `Authorization: Bearer ${ADMIN_TOKEN}`;

describe("methods", () => {
  test.for([
    ["/api/v1/flags", "GET, HEAD, POST"],
    ["/api/v1/flags/there", "DELETE, GET, HEAD, PATCH"],
    ["/api/v1/flags/there/rollout", "PATCH"],
    ["/api/v1/flags/there/toggle", "PATCH"],
    ["/api/v1/flags/there/archive", "POST"],
    ["/api/v1/flags/there/restore", "POST"],
    ["/api/v1/flags/there/explain", "POST"],
    ["/api/v1/status", "GET, HEAD"],
    ["/api/v1/openapi.json", "GET, HEAD"],
    ["/api/v1/docs", "GET, HEAD"],
    ["/healthz", "GET, HEAD"],
  ] as const)("%s accepts only %s", async ([path, allow]) => {
    const others = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"].filter(
      (method) => !allow.split(", ").includes(method),
    );
    for (const method of others) {
      const answer = await system.call(method, path);
      expect([method, answer.status, answer.headers.get("allow")]).toEqual([method, 405, allow]);
      if (method !== "HEAD")
        expect(answer.body.detail).toBe(`this endpoint does not accept ${method}: use ${allow}`);
    }
  });

  test.for(["/api/v1/flags", "/api/v1/flags/there", "/api/v1/status", "/api/v1/docs", "/healthz"])(
    "HEAD %s answers as GET does, without the body",
    async (path) => {
      const [get, head] = [await system.call("GET", path), await system.call("HEAD", path)];
      expect([head.status, head.text]).toEqual([200, ""]);
      for (const name of ["content-type", "etag", "cache-control", "content-security-policy"]) {
        expect(head.headers.get(name)).toBe(get.headers.get(name));
      }
    },
  );

  test.for(["TRACE", "CONNECT", "BREW"])("%s is refused", async (method) => {
    const target = method === "CONNECT" ? "there:80" : "/api/v1/status";
    const answer = await sendRaw(system.url, [`${method} ${target} HTTP/1.1`, AUTHORIZATION]);
    expect(answer).not.toMatch(/^HTTP\/1.1 [25]/);
  });

  test.for([
    "/",
    "/api",
    "/api/v1",
    "/api/v1/flags/",
    "/api/v1//flags",
    "/api/v2/flags",
    "/api/v1/flags/there/x",
  ])("%s does not exist", async (path) => {
    expect((await system.call("GET", path)).status).toBe(404);
  });
});

describe("headers", () => {
  test.for([
    "/api/v1/status",
    "/api/v1/flags/nobody",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/healthz",
    "/nowhere",
  ])("%s forbids storing, framing, sniffing and scripts", async (path) => {
    const { headers } = await system.call("GET", path);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none';.* frame-ancestors 'none'/);
    expect(headers.get("content-security-policy")).not.toMatch(/unsafe|script-src/);
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  test("a new flag is answered with Location and ETag", async () => {
    const { status, headers, body } = await system.call("POST", "/api/v1/flags", { body: { key: "placed" } });
    expect(status).toBe(201);
    expect(headers.get("location")).toBe("/api/v1/flags/placed");
    expect(headers.get("etag")).toBe(`"${body.epoch}.${body.revision}"`);
  });

  test("the Host header is never repeated", async () => {
    for (const path of ["/api/v1/openapi.json", "/api/v1/docs", "/nowhere"]) {
      const { port } = new URL(system.url);
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
      await once(socket, "close");
      expect(answer).not.toContain("evil");
    }
  });

  test("If-None-Match: 304 for an unchanged flag, weak or not, else the flag", async () => {
    const { etag } = await system.call("GET", "/api/v1/flags/there");
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const answer = await system.call("GET", "/api/v1/flags/there", { headers: { "if-none-match": tag } });
      expect([answer.status, answer.text, answer.etag]).toEqual([304, "", etag]);
    }
    for (const tag of ['"1.0"', '"x"']) {
      const answer = await system.call("GET", "/api/v1/flags/there", { headers: { "if-none-match": tag } });
      expect([answer.status, answer.etag]).toEqual([200, etag]);
    }
    const none = await system.call("GET", "/api/v1/flags/nobody", { headers: { "if-none-match": "*" } });
    expect(none.status).toBe(404);
  });
});

describe("a body that is too large", () => {
  const TEN_MEGABYTES = 10_000_000;

  /** Sends the whole body before it reads the answer, as simple clients do. */
  async function upload(headers: readonly string[], write: (bytes: Buffer) => Buffer): Promise<string> {
    const { hostname, port } = new URL(system.url);
    const socket = connect(Number(port), hostname);
    let answer = "";
    let fault: unknown;
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    socket.on("error", (error) => (fault = error));
    socket.write(
      [
        "POST /api/v1/flags HTTP/1.1",
        `Host: ${hostname}`,
        AUTHORIZATION,
        "Content-Type: application/json",
        ...headers,
        "",
        "",
      ].join("\r\n"),
    );
    const part = Buffer.alloc(100_000, "x");
    for (let sent = 0; sent < TEN_MEGABYTES; sent += part.length) {
      if (!socket.write(write(part))) await once(socket, "drain");
    }
    socket.end(headers.some((header) => header.includes("chunked")) ? "0\r\n\r\n" : "");
    await once(socket, "close");
    expect(fault).toBeUndefined();
    return answer;
  }

  test("with its length in advance", async () => {
    const answer = await upload([`Content-Length: ${TEN_MEGABYTES}`], (bytes) => bytes);
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*"detail":"the body has more than 1048576 bytes"/);
  });

  test("in chunks", async () => {
    const answer = await upload(["Transfer-Encoding: chunked"], (bytes) =>
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]),
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*"detail":"the body has more than 1048576 bytes"/);
  });

  test("with a false length", async () => {
    for (const length of ["-1", "1e9", "5, 6", "99999999999999999999"]) {
      const lines = [
        "POST /api/v1/flags HTTP/1.1",
        AUTHORIZATION,
        "Content-Type: application/json",
        `Content-Length: ${length}`,
      ];
      const answer = await sendRaw(system.url, lines, "{}");
      expect(answer).toMatch(/^HTTP\/1.1 4(00|13) /);
    }
  });

  test("a chunked body of ordinary size is read", async () => {
    const body = '{"key": "in-chunks"}';
    const answer = await sendRaw(
      system.url,
      [
        "POST /api/v1/flags HTTP/1.1",
        AUTHORIZATION,
        "Content-Type: application/json; charset=utf-8",
        "Transfer-Encoding: chunked",
      ],
      `5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 201 /);
  });
});

describe("the description of the API", () => {
  test("needs no token, for machines and for people", async () => {
    const document = await fetch(`${system.url}/api/v1/openapi.json`);
    expect(document.status).toBe(200);
    const { openapi, paths } = (await document.json()) as {
      openapi: string;
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    expect(openapi).toBe("3.1.0");
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);

    const page = await fetch(`${system.url}/api/v1/docs`);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    const html = await page.text();
    for (const id of ids) expect(html).toContain(`id="${id}"`);
    expect(html).not.toMatch(/<script|<link|src=|@import|url\(/);
    for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${target}"`);
  });
});
