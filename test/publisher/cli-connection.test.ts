import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_COMMANDS } from "../support/cli-commands.ts";
import { callSluice } from "../support/cli-streams.ts";
import { runSluice, startCliSystem, type CliSystem } from "../support/cli.ts";

const TOKEN = "a-token-that-must-not-be-seen";

let system: CliSystem;
const servers: Server[] = [];

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search");
});
afterAll(async () => {
  for (const server of servers) server.close();
  await system.stop();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serveHttp = async (listener: RequestListener) => `http://${await listen(createServer(listener))}`;

const at = (url: string) => ({ env: { SLUICE_URL: url, SLUICE_TOKEN: TOKEN } });

/** Commands whose first request changes something already. */
const CHANGING = /^(create|kill|archive|restore|segment create) /;

let trap: string;
const redirected: string[] = [];
const trapped: string[] = [];

beforeAll(async () => {
  trap = await serveHttp((request, response) => {
    trapped.push(request.url ?? "");
    response.end();
  });
});

/** What stands where the admin API should be. */
const PLACES: readonly {
  readonly place: string;
  readonly url: () => Promise<string>;
  readonly code: number;
  readonly says: RegExp;
  /** A change may have arrived all the same. */
  readonly unsure?: true;
}[] = [
  {
    place: "the API, for another token",
    url: () => Promise.resolve(system.url),
    code: 5,
    says: /^error: this is not the admin token\n {2}-> set SLUICE_TOKEN to the ADMIN_TOKEN/,
  },
  {
    place: "a login page for everything",
    url: () => serveHttp((_, response) => void response.writeHead(403).end("<html>VPN?</html>")),
    code: 5,
    says: /answered 403, but not in Sluice's format/,
  },
  {
    place: "nothing",
    url: async () => {
      const server = createTcpServer();
      const host = await listen(server);
      server.close();
      return `http://${host}`;
    },
    code: 6,
    says: /^error: nothing listens at 127\.0\.0\.1:\d+\n/,
  },
  {
    place: "a redirect to another host",
    url: () =>
      serveHttp((request, response) => {
        redirected.push(request.url ?? "");
        response.writeHead(307, { location: `${trap}/api` }).end();
      }),
    code: 6,
    says: /redirects the request\n {2}Redirects are not followed: they would send the token to another server\./,
  },
  {
    place: "a web site",
    url: () =>
      serveHttp(
        (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>Hi"),
      ),
    code: 6,
    says: /is not a Sluice admin API/,
    unsure: true,
  },
  {
    place: "another JSON API",
    url: () =>
      serveHttp(
        (_, response) =>
          void response
            .writeHead(200, { "content-type": "application/json", etag: '"1.1"' })
            .end('{"status":"\\u001b[31mok"}'),
      ),
    code: 6,
    says: /is not a Sluice admin API/,
    unsure: true,
  },
  {
    place: "a gateway without a publisher behind it",
    url: () => serveHttp((_, response) => void response.writeHead(502).end("Bad Gateway")),
    code: 6,
    says: /answered 502, but not in Sluice's format/,
    unsure: true,
  },
  {
    place: "a site that knows no such path",
    url: () => serveHttp((_, response) => void response.writeHead(404).end("Not found")),
    code: 6,
    says: /answered 404, but not in Sluice's format/,
  },
  {
    place: "a server that hangs up",
    url: () => serveHttp((request) => void request.socket.destroy()),
    code: 6,
    says: /^error: the connection to 127\.0\.0\.1:\d+ was lost\n/,
    unsure: true,
  },
  {
    place: "something that speaks no HTTP",
    url: async () =>
      `http://${await listen(createTcpServer((socket) => void socket.on("error", () => undefined).end("220 smtp ready\r\n")))}`,
    code: 6,
    says: /does not speak HTTP/,
  },
  {
    place: "something that speaks no TLS",
    url: async () => (await serveHttp((_, response) => void response.end())).replace("http:", "https:"),
    code: 6,
    says: /^error: the TLS connection to 127\.0\.0\.1:\d+ cannot be trusted\n/,
  },
  {
    place: "no host at all",
    url: () => Promise.resolve("https://sluice.invalid"),
    code: 6,
    says: /^error: there is no host sluice\.invalid\n/,
  },
];

describe.each(PLACES)("$place", ({ url, code, says, unsure }) => {
  let address: string;
  let before: string;
  beforeAll(async () => {
    address = await url();
    before = await system.everything();
  });

  test.each(API_COMMANDS)("%s", async (...args) => {
    const run = await callSluice(args, at(address));
    expect(run.stderr).toMatch(says);
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toContain("\n  -> ");
    expect(run.stderr).not.toMatch(/^\s+at /m);
    expect(run.stderr).not.toContain(TOKEN);
    expect(run.stderr).not.toContain("\u001b");
    // Whoever sent a change that may have arrived has to know that.
    const isSaid = / may or may not have been made\./.test(run.stderr);
    expect(isSaid).toBe(unsure === true && CHANGING.test(args.join(" ")));
  });

  afterAll(async () => {
    expect(await system.everything()).toBe(before);
    expect(trapped).toEqual([]);
  });
});

test("the server did send redirects", () => expect(redirected.length).toBe(API_COMMANDS.length));

test("a separate process behaves the same", async () => {
  const url = await serveHttp((_, response) => void response.writeHead(302, { location: trap }).end());
  const run = await runSluice(["kill", "ai_search"], at(url));
  expect(run).toEqual(await callSluice(["kill", "ai_search"], at(url)));
  expect(run.code).toBe(6);
});

test("an endless answer is not read to its end", async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const pour = (): void => {
      if (!response.destroyed) response.write(" ".repeat(1_048_576), pour);
    };
    pour();
  });
  const run = await callSluice(["list"], at(url));
  expect(run).toMatchObject({ code: 6, stdout: "" });
  expect(run.stderr).toContain("sends an answer that is too large");
});

test("a request without an answer times out", async () => {
  const url = await serveHttp(() => undefined);
  const [read, change] = await Promise.all([
    callSluice(["show", "ai_search"], at(url)),
    callSluice(["restore", "ai_search"], at(url)),
  ]);
  for (const run of [read, change]) {
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toMatch(/^error: 127\.0\.0\.1:\d+ did not answer within 10 seconds\n/);
  }
  expect(read.stderr).not.toContain("may or may not");
  expect(change.stderr).toContain("The change may or may not have been made.");
});

test.each(["", "/", "/api/v1", "/api/v1/"])("SLUICE_URL may end with %j", async (end) => {
  const run = await callSluice(["status"], { env: { ...system.env, SLUICE_URL: `${system.url}${end}` } });
  expect(run).toMatchObject({ code: 0, stderr: "" });
});

test("a publisher behind a path of a proxy works", async () => {
  const asked: (string | undefined)[] = [];
  const url = await serveHttp((request, response) => {
    asked.push(request.url);
    response.writeHead(502).end();
  });
  await callSluice(["status"], at(`${url}/flags/`));
  expect(asked).toEqual(["/flags/api/v1/status"]);
});
