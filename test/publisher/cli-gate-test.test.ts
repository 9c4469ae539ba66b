import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisKey } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;

const run = (...args: readonly string[]) => callSluice(["gate", ...args], { env: system.env });

async function told(...args: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await run("test", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search", {
    targeting: { plans: ["pro"] },
    gates: [{ pattern: "/ai/*", otherwise: { rewrite: "/classic" } }],
  });
  await system.make("classic", {
    targeting: { blocklist: ["u1"] },
    gates: [{ pattern: "/classic", otherwise: { status: 410 } }],
  });
  await system.make("shop", { gates: [{ pattern: "/shop", otherwise: { status: 403, page: "/sorry" } }] });
  await system.make("start", { gates: [{ pattern: "/start", otherwise: { redirect: "/", status: 302 } }] });
  for (const key of ["ai_search", "classic"]) {
    await system.sluice(["enable", key]);
    await system.sluice(["rollout", key, "100"]);
  }
});
afterAll(() => system.stop());

describe("gate test shows the result and the reason", () => {
  test("open to this visitor", async () => {
    expect(await told("/ai/chat", "--user", "u1", "--plan", "pro")).toEqual([
      "/ai/chat is open to this visitor",
      "",
      "PAGE      GATE   FLAG       STATE  RESULT   REASON",
      "/ai/chat  /ai/*  ai_search  on     is open  the bucket is below the rollout percentage",
    ]);
  });

  test("closed by one gate, open by the next", async () => {
    expect(await told("/ai/chat?q=1", "--user", "u2")).toEqual([
      "/ai/chat?q=1 is closed: the visitor sees /classic?q=1 at the same address",
      "",
      "PAGE          GATE      FLAG       STATE  RESULT          REASON",
      "/ai/chat?q=1  /ai/*     ai_search  off    shows /classic  the user is on none of its plans",
      "/classic?q=1  /classic  classic    on     is open         the bucket is below the rollout percentage",
    ]);
  });

  test("the example of docs/gates.md", async () => {
    const docs = await readFile(new URL("../../docs/gates.md", import.meta.url), "utf8");
    const [, target = "", user = "", output = ""] =
      /^\$ sluice gate test '(\S+)' --user (\S+)\n([^]*?)^```$/m.exec(docs) ?? [];
    expect(await told(target, "--user", user)).toEqual(output.trimEnd().split("\n"));
  });

  test("closed by both, by another spelling of the page", async () => {
    expect(await told("/x/..%2fai", "--user", "u1")).toEqual([
      "/x/..%2fai is closed: the visitor gets 410 with a plain page",
      "",
      "PAGE        GATE      FLAG       STATE  RESULT          REASON",
      "/x/..%2fai  /ai/*     ai_search  off    shows /classic  some servers read the path as /ai; the user is on none of its plans",
      "/classic    /classic  classic    off    answers 410     the user id is on the blocklist",
    ]);
  });

  test("redirected, closed with a page, and open to everybody", async () => {
    expect((await told("/start"))[0]).toBe("/start is closed: the visitor is redirected to / (302)");
    expect((await told("/shop"))[0]).toBe("/shop is closed: the visitor gets 403 with /sorry");
    expect(await told("/about")).toEqual(["/about is open to everybody: it has no gate"]);
  });

  test("without flags", async () => {
    expect(await told("/ai/chat", "--cold")).toEqual([
      "/ai/chat is closed: the visitor gets 410 with a plain page",
      "",
      "PAGE      GATE      FLAG       STATE  RESULT          REASON",
      "/ai/chat  /ai/*     ai_search  -      shows /classic  no flags are loaded",
      "/classic  /classic  classic    -      answers 410     no flags are loaded",
    ]);
  });

  test("--json prints the answer of the API", async () => {
    const { stdout } = await run("test", "/ai/chat", "--user", "u1", "--plan", "pro", "--json");
    const { body } = await system.call("POST", "/api/v1/gates/test", {
      body: { url: "/ai/chat", context: { userId: "u1", plan: "pro" } },
    });
    expect(JSON.parse(stdout)).toEqual(body);
  });

  test("reports when kills at the edge are unknown", async () => {
    await system.redisCommand("SET", redisKey("off"), "garbage");
    try {
      expect((await told("/ai/chat", "--plan", "pro", "--user", "u1")).at(-1)).toMatch(
        /^Kills of these flags are unknown: /,
      );
    } finally {
      await system.redisCommand("SET", redisKey("off"), "{}");
    }
  });
});

describe("a command line that is not valid", () => {
  test.each([
    { args: ["test", "ai/chat"], says: '/url (<url>) "ai/chat": must be a path that begins with /' },
    { args: ["test", "/ä"], says: "percent-encode it" },
    { args: ["test", "/ai", "--user", "anon-1"], says: '/context/userId "anon-1"' },
    { args: ["test", "/ai", "--cold", "--user", "u1"], says: "--cold cannot be combined with a visitor" },
    { args: ["test"], says: "missing required argument 'url'" },
    { args: ["test", "/ai", "/classic"], says: "too many arguments" },
    { args: ["test", "/ai", "--add", "/x"], says: "unknown option '--add'" },
    { args: ["--list", "test", "/ai"], says: "options of `gate test` must follow the word test" },
  ])("$args", async ({ args, says }) => {
    const before = await system.everything();
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).toContain("->");
    expect(await system.everything()).toBe(before);
  });
});

test('a flag that is called "test" has its gates behind an option', async () => {
  await system.make("test");
  const added = await run("--add", "/t", "--status", "404", "test");
  expect(added.stdout).toContain("Changed test:\n  gate for /t: answers 404 to visitors without the flag\n");
  expect((await run("--list", "test")).stdout).toContain("/t     answers 404\n");
});

describe("a hint appears for a gate that leads to another gated page", () => {
  test.each([
    { name: "rewritten", args: ["--rewrite", "/classic"] },
    { name: "redirected", args: ["--redirect", "/classic?from=x"] },
    { name: "paged", args: ["--status", "404", "--page", "/classic"] },
  ])("$name", async ({ name, args }) => {
    await system.make(name);
    const { code, stdout } = await run(name, "--add", `/${name}/*`, ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\n\/classic\S* has a gate too: if classic is also off, its gate for \/classic answers 410\.\n$/,
    );
  });

  test("and nobody else", async () => {
    await system.make("leads_nowhere");
    const { stdout } = await run("leads_nowhere", "--add", "/nowhere/*", "--rewrite", "/nowhere/waitlist");
    expect(stdout).toMatch(/\nrevision \d+, in Redis\n$/);
  });
});
