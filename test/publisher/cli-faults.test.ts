import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { runSluice } from "../support/cli.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
  await system.call("POST", "/api/v1/flags", { body: { key: "ai_search" } });
});
afterAll(() => system.stop());

const env = () => ({ SLUICE_URL: system.url, SLUICE_TOKEN: ADMIN_TOKEN });
const dump = () =>
  system.sql("SELECT f, (SELECT revision FROM publication) FROM feature_flags f ORDER BY key");

interface Row {
  readonly fault: string;
  readonly args: readonly string[];
  readonly exitCode: number;
  /** What the message has to say. */
  readonly says: RegExp;
}

const KEYED = ["show", "enable", "kill", "archive", "restore", "explain", "gate"] as const;

/** One row per command and class of fault. */
const ROWS: readonly Row[] = [
  {
    fault: "no command that exists",
    args: ["lst"],
    exitCode: 2,
    says: /unknown command.*\n?.*Did you mean list/s,
  },
  { fault: "an unknown option", args: ["list", "--every"], exitCode: 2, says: /unknown option/ },
  { fault: "an unknown sort order", args: ["list", "--sort", "colour"], exitCode: 2, says: /key, created/ },
  ...KEYED.flatMap((command): Row[] => [
    { fault: "no key", args: [command], exitCode: 2, says: /missing required argument 'key'/ },
    { fault: "an empty key", args: [command, ""], exitCode: 2, says: /key/ },
    {
      fault: "SQL for a key",
      args: [command, "x'; DROP TABLE feature_flags;--"],
      exitCode: 2,
      says: /U\+0027/,
    },
    { fault: "a look-alike key", args: [command, "аi_search"], exitCode: 2, says: /U\+0430/ },
    { fault: "__proto__ for a key", args: [command, "__proto__"], exitCode: 2, says: /lower-case letter/ },
    { fault: "a key that is too long", args: [command, "a".repeat(65)], exitCode: 2, says: /64/ },
    {
      fault: "a flag that is not there",
      args: [command, "nope"],
      exitCode: 3,
      says: /there is no flag nope/,
    },
  ]),
  ...["25,5", "1e1", "NaN", "101", "-1", "25.001", "", "Infinity", "0x10", "25 %%"].map((percent) => ({
    fault: `${JSON.stringify(percent)} for a percentage`,
    args: ["rollout", "ai_search", "--", percent],
    exitCode: 2,
    says: /percent/,
  })),
  { fault: "no percentage", args: ["rollout", "ai_search"], exitCode: 2, says: /missing required argument/ },
  { fault: "a flag that is there", args: ["create", "ai_search"], exitCode: 4, says: /there already/ },
  {
    fault: "a description that is too long",
    args: ["create", "new_flag", "--description", "x".repeat(1001)],
    exitCode: 2,
    says: /1.?000/,
  },
  {
    fault: "a control character",
    args: ["describe", "ai_search", "a\u001b[2Jb"],
    exitCode: 2,
    says: /control character/,
  },
  { fault: "nothing to change", args: ["target", "ai_search"], exitCode: 2, says: /target/ },
  {
    fault: "an id on both lists",
    args: ["target", "ai_search", "--allow", "u1", "--deny", "u1"],
    exitCode: 2,
    says: /u1/,
  },
  {
    fault: "an anonymous id on a list",
    args: ["target", "ai_search", "--allow", "anon-x"],
    exitCode: 2,
    says: /anon-/,
  },
  {
    fault: "a file that is not there",
    args: ["target", "ai_search", "--allow-file", "/nowhere/ids"],
    exitCode: 2,
    says: /cannot be read/,
  },
  {
    fault: "a gate without what is shown",
    args: ["gate", "ai_search", "--add", "/ai/*"],
    exitCode: 2,
    says: /--rewrite/,
  },
  {
    fault: "a gate that is not there",
    args: ["gate", "ai_search", "--remove", "/nope"],
    exitCode: 3,
    says: /no gate/,
  },
  {
    fault: "a context that is not JSON",
    args: ["explain", "ai_search", "--context", "{"],
    exitCode: 2,
    says: /JSON/,
  },
  { fault: "no answer to a question", args: ["delete", "ai_search"], exitCode: 2, says: /--yes/ },
  { fault: "a shell that is not known", args: ["completion", "tcsh"], exitCode: 2, says: /bash/ },
];

describe("what is wrong is said, and changes nothing", () => {
  it.concurrent.each(ROWS)("$args.0: $fault", async ({ args, exitCode, says }) => {
    const before = await dump();
    const run = await runSluice(args, { env: env() });
    expect(run.stderr).toMatch(says);
    expect([run.code, run.stdout]).toEqual([exitCode, ""]);
    // People are shown what to do, not where in our code it happened; nobody is shown the token.
    expect(run.stderr).not.toMatch(/^\s+at /m);
    expect(run.stderr).not.toContain(ADMIN_TOKEN);
    expect(run.stderr).not.toContain("\u001b");
    expect(await dump()).toEqual(before);
  });
});

describe("an admin API that cannot be used", () => {
  async function against(listener: RequestListener, args: readonly string[] = ["list"]) {
    const server = createServer(listener);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return await runSluice(args, { env: { SLUICE_URL: url, SLUICE_TOKEN: ADMIN_TOKEN } });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it("is told from one that refuses the token", async () => {
    const wrong = await runSluice(["list"], { env: { ...env(), SLUICE_TOKEN: "not-the-token-at-all" } });
    expect(wrong).toMatchObject({ code: 5, stdout: "" });
    expect(wrong.stderr).toMatch(/SLUICE_TOKEN/);
    expect(wrong.stderr).not.toContain("not-the-token-at-all");
  });

  it("is not asked when no token is there, even beside a local system's", async () => {
    const run = await runSluice(["list"], { env: { SLUICE_URL: system.url } });
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/SLUICE_TOKEN/);
  });

  it("has a URL that is none", async () => {
    const run = await runSluice(["list"], { env: { SLUICE_URL: "flags.example.com", SLUICE_TOKEN: "x" } });
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/SLUICE_URL must be an https:\/\/ URL/);
  });

  it("is not there", async () => {
    const run = await runSluice(["kill", "ai_search"], {
      env: { SLUICE_URL: "http://127.0.0.1:9", SLUICE_TOKEN: ADMIN_TOKEN },
    });
    expect(run.code).toBe(6);
    expect(run.stderr).toMatch(/127\.0\.0\.1:9/);
  });

  it("sends elsewhere: the token does not follow", async () => {
    const seen: (string | undefined)[] = [];
    const run = await against((request, response) => {
      seen.push(request.url);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect(run.code).toBe(6);
    expect(seen.filter((url) => url === "/elsewhere")).toEqual([]);
  });

  it("is some other server", async () => {
    const run = await against((_request, response) => response.end("<html>hello</html>"));
    expect(run.code).toBe(6);
    expect(run.stderr).not.toContain("hello");
  });

  it("answers with what is no answer", async () => {
    const run = await against((_request, response) => {
      response.setHeader("content-type", "application/json");
      response.end('{"flags": 1}');
    });
    expect(run.code).toBe(6);
  });
});
