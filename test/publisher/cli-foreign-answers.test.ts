import type { RequestListener, ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../support/api-system.ts";
import { API_COMMANDS } from "../support/cli-commands.ts";
import { startForeignServer, type ForeignServer } from "../support/cli-foreign-server.ts";
import { callSluice } from "../support/cli-streams.ts";
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

/** Answers that are almost Sluice's. */
const ANSWERS: readonly {
  readonly kind: string;
  readonly listener: RequestListener;
  readonly says: RegExp;
}[] = [
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
    says: /answered 404, but not in Sluice's format\n/,
  },
  {
    kind: "with less than it announced",
    listener: (_, response) => {
      response.writeHead(200, { "content-length": "99" });
      response.write('{"secret', () => response.destroy());
    },
    says: /^error: the connection to \S+ was lost$/m,
  },
];

describe.each(ANSWERS)("a server that answers $kind", ({ listener, says }) => {
  test.each(API_COMMANDS)("%s", async (...args) => {
    expectUnusable(await ask(await start(listener), args), 6, says);
  });
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
      expectUnusable(run, 6, /redirects the request\n {2}Redirects are not followed/);
      expect(run.stderr).toContain(`if ${elsewhere.url} is the admin API, use that address`);
      expect(heard).toEqual([]);
    },
  );
});

test("a flag without the ETag that an edit is based on is not edited", async () => {
  const flag = {
    ...{ id: "4b0f6f0e-3f0c-4d1b-9a53-0f6c1d1e8a11", bucket_by: "targetingKey", salt: null },
    ...{ variants: [], requires: [] },
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
  expectUnusable(run, 6, /arrived without its ETag$/m);
  expect(asked).toEqual(["GET"]);
});

test("a list that repeats one page ends with an error", async () => {
  const page = { flags: [], next_cursor: "same", epoch: 1, revision: 1, published: true };
  const server = await start((_, response) => json(response, page));
  expectUnusable(await ask(server, ["list"]), 1, /^error: the list does not end$/m);
});

test("an unknown path is not reported as an unknown flag", async () => {
  const problem = { type: "urn:sluice:problem:not-found", title: "", detail: "there is no such endpoint" };
  const server = await start((_, response) => {
    response.statusCode = 404;
    json(response, problem);
  });
  const run = await ask(server, ["kill", "ai_search"]);
  expectUnusable(
    run,
    6,
    /^error: there is no such endpoint\n {2}-> check SLUICE_URL: it must be the address of the publisher/,
  );
});
