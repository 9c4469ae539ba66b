import type { RequestListener, ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../support/api-system.ts";
import { API_COMMANDS } from "../support/cli-commands.ts";
import { startForeignServer, type ForeignServer } from "../support/cli-foreign-server.ts";
import { callSluice } from "../support/cli-in-process.ts";
import type { CliRun } from "../support/cli.ts";

const servers: ForeignServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

async function start(listener: RequestListener): Promise<ForeignServer> {
  const server = await startForeignServer(listener);
  servers.push(server);
  return server;
}

const ask = ({ url }: ForeignServer, args: readonly string[]) =>
  callSluice(args, { env: { SLUICE_URL: url, SLUICE_TOKEN: ADMIN_TOKEN } });

const json = (response: ServerResponse, value: unknown) =>
  void response.setHeader("content-type", "application/json").end(JSON.stringify(value));

function expectUnusable(run: CliRun, code: number, says: RegExp): void {
  expect(run).toMatchObject({ code, stdout: "" });
  expect(run.stderr).toMatch(says);
  // What is wrong and how to mend it; nothing that a stranger's server sent, and no token.
  expect(run.stderr).toMatch(/^error: .*\n( {2}\S.*\n)* {2}-> .*\n/);
  expect(run.stderr).not.toContain(ADMIN_TOKEN);
  expect(run.stderr).not.toMatch(/secret|^\s+at |[^\P{Cc}\n]/mu);
}

const html = '<html><script>alert("secret")</script>';
const asHtml = { "content-type": "text/html" };

/** What answers where an admin API should be. */
const ANSWERS: readonly {
  readonly kind: string;
  readonly listener: RequestListener;
  /** 6 by default: unreachable. */
  readonly code?: number;
  readonly says: RegExp;
}[] = [
  {
    kind: "like another site",
    listener: (_, response) => void response.writeHead(200, asHtml).end(html),
    says: /is not a Sluice admin API$/m,
  },
  {
    kind: "with JSON of something else",
    listener: (_, response) => json(response, { secret: "\u001b[31m" }),
    says: /is not a Sluice admin API$/m,
  },
  {
    kind: "with a login page",
    listener: (_, response) => void response.writeHead(401, asHtml).end(html),
    code: 5,
    says: /answered 401, and not in Sluice's words\n {2}Something in front/,
  },
  {
    kind: "that a VPN is needed",
    listener: (_, response) => void response.writeHead(403, asHtml).end(html),
    code: 5,
    says: /answered 403, and not in Sluice's words\n {2}Something in front/,
  },
  {
    kind: "that the API is not reached",
    listener: (_, response) => void response.writeHead(502, asHtml).end(html),
    says: /answered 502, and not in Sluice's words\n {2}Something in front/,
  },
  {
    kind: "that it knows no such path",
    listener: (_, response) => void response.writeHead(404).end("secret"),
    says: /answered 404, and not in Sluice's words\n/,
  },
  {
    kind: "not at all, and hangs up",
    listener: ({ socket }) => void socket.destroy(),
    says: /^error: the connection to \S+ broke off$/m,
  },
  {
    kind: "in another protocol",
    listener: ({ socket }) => void socket.end("220 secret ESMTP\r\n"),
    says: /^error: what answers at \S+ does not speak HTTP$/m,
  },
  {
    kind: "with JSON that ends too early",
    listener: (_, response) =>
      void response.setHeader("content-type", "application/json").end('{"flag":{"key":"sec'),
    says: /is not a Sluice admin API$/m,
  },
  {
    kind: "with nothing",
    listener: (_, response) => void response.writeHead(204).end(),
    says: /is not a Sluice admin API$/m,
  },
  {
    kind: "with a problem that is not Sluice's",
    listener: (_, response) =>
      void response
        .writeHead(404, { "content-type": "application/problem+json" })
        .end('{"type":"about:blank","title":"secret","detail":"secret"}'),
    says: /answered 404, and not in Sluice's words\n/,
  },
  {
    kind: "with less than it announced",
    listener: (_, response) => {
      response.writeHead(200, { "content-length": "99" });
      response.write('{"secret', () => response.destroy());
    },
    says: /^error: the connection to \S+ broke off$/m,
  },
];

describe.each(ANSWERS)("a server that answers $kind", ({ listener, code = 6, says }) => {
  test.each(API_COMMANDS)("%s", async (...args) => {
    expectUnusable(await ask(await start(listener), args), code, says);
  });
});

test.each([
  { args: ["list"], isUnsure: false },
  { args: ["enable", "ai_search"], isUnsure: false },
  { args: ["kill", "ai_search"], isUnsure: true },
  { args: ["create", "ai_search"], isUnsure: true },
])(
  "when the connection breaks, $args knows whether a change may have been made",
  async ({ args, isUnsure }) => {
    const run = await ask(await start(({ socket }) => void socket.destroy()), args);
    expect(run.stderr.includes("Whether the change was made is not known.")).toBe(isUnsure);
  },
);

test("an answer without an end is not read to its end", async () => {
  const server = await start((_, response) => {
    const more = (): void => {
      if (!response.destroyed) response.write("x".repeat(65_536), more);
    };
    more();
  });
  expectUnusable(
    await ask(server, ["list"]),
    6,
    /answers without an end\n {2}Its answer has more than 32 MiB/,
  );
});

test("an answer that never comes is waited for ten seconds", async () => {
  const server = await start(() => undefined);
  const [read, edit] = await Promise.all([
    ask(server, ["list"]),
    ask(server, ["describe", "ai_search", "x"]),
  ]);
  expectUnusable(read, 6, /did not answer within 10 seconds$/m);
  expectUnusable(edit, 6, /did not answer within 10 seconds$/m);
});

describe.each([301, 302, 303, 307, 308])("a redirect with %s", (status) => {
  test.each([["list"], ["kill", "ai_search"], ["create", "ai_search"], ["explain", "ai_search"]])(
    "is not followed by %s: the token would go along",
    async (...args) => {
      const heard: string[] = [];
      const elsewhere = await start((request, response) => {
        heard.push(`${request.method} ${request.headers.authorization}`);
        response.end();
      });
      const server = await start(({ url }, response) =>
        response.writeHead(status, { location: `${elsewhere.url}${url}` }).end(),
      );
      const run = await ask(server, args);
      expectUnusable(run, 6, /redirects instead of answering\n {2}Redirects are not followed/);
      expect(run.stderr).toContain(`if ${elsewhere.url} is the admin API, set it to that`);
      expect(heard).toEqual([]);
    },
  );
});

test("a flag without the ETag that an edit is based on is not edited", async () => {
  const flag = {
    ...{ key: "ai_search", description: "", owner: "", tags: [], enabled: false, rollout_pct: 0 },
    ...{ targeting: {}, gates: [], fail_mode: "off", in_header: true, client_visible: false },
    ...{ archived_at: null, created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z" },
  };
  const asked: (string | undefined)[] = [];
  const server = await start(({ method }, response) => {
    asked.push(method);
    json(response, { flag, epoch: 1, revision: 1, published: true });
  });
  const run = await ask(server, ["target", "ai_search", "--allow", "u1"]);
  expectUnusable(run, 6, /lost its ETag on the way$/m);
  expect(asked).toEqual(["GET"]);
});

test("a list that names one page again and again has an end", async () => {
  const page = { flags: [], next_cursor: "same", epoch: 1, revision: 1, published: true };
  const server = await start((_, response) => json(response, page));
  expectUnusable(await ask(server, ["list"]), 1, /^error: the list has no end$/m);
});

test("a path that the publisher does not know is not told as a flag that it does not know", async () => {
  const problem = { type: "urn:sluice:problem:not-found", title: "", detail: "there is no such endpoint" };
  const server = await start((_, response) => {
    response.statusCode = 404;
    json(response, problem);
  });
  const run = await ask(server, ["kill", "ai_search"]);
  expectUnusable(
    run,
    6,
    /^error: there is no such endpoint\n {2}-> check SLUICE_URL: it is the publisher's address/,
  );
});
