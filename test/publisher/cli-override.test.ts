import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { MAX_OVERRIDE_FLAGS, MAX_OVERRIDE_TOKEN, OVERRIDE_TYPE } from "../../shared/flag/override.ts";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import { ENVIRONMENT, OVERRIDE_KEYS } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";
import { splitCommandLine } from "../support/command-line.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

let system: CliSystem;
let origin: Origin;
let worker: RunningWorker;

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search");
  await system.make("ai_agent");
  await system.make("copilot", { variants: ["small", "large"].map((key) => ({ key, weight: 1 })) });
  for (const key of ["ai_search", "copilot"]) expect((await sluice("enable", key)).code).toBe(0);
  origin = await startOrigin();
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      SLUICE_ENV: ENVIRONMENT,
      UPSTASH_REDIS_REST_URL: system.redis.url,
      UPSTASH_REDIS_REST_TOKEN: system.redis.readOnlyToken,
      REFRESH_MS: "20",
      // A busy machine is no outage.
      REDIS_TIMEOUT_MS: "5000",
      OVERRIDE_KEYS,
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await origin.stop();
  await system.stop();
});

const sluice = (...args: readonly string[]) => callSluice(args, { env: system.env });

const linkIn = (stdout: string): string => stdout.split("\n")[0] ?? "";

test("the link works at a real worker, for that browser alone, until the flag is killed", async () => {
  const page = `${worker.url}/ai/search?q=1`;
  const made = await sluice("override", "ai_search=on", "copilot=large", "--for", "2h", "--url", page);
  expect([made.code, made.stderr]).toEqual([0, ""]);

  const opened = await fetch(linkIn(made.stdout), { redirect: "manual" });
  expect([opened.status, opened.headers.get("location")]).toEqual([303, "/ai/search?q=1"]);
  const cookie = opened.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const visit = async (headers: Record<string, string>) => {
    await (await fetch(page, { headers })).text();
    return readFlags(origin.last.headers);
  };
  const flags = await visit({ cookie });
  expect(flags.enabled).toEqual(["ai_search", "copilot"]);
  expect(flags.variant("copilot")).toBe("large");
  expect(flags.context?.override).toEqual(["ai_search", "copilot"]);
  expect((await visit({})).enabled).toEqual([]);

  const killed = await sluice("kill", "ai_search", "--edge", worker.url);
  expect(killed.code).toBe(0);
  expect((await visit({ cookie })).enabled).toEqual(["copilot"]);
  await sluice("enable", "ai_search");
});

test("prints the link and its effect", async () => {
  const made = await sluice("override", "ai_search=on", "ai_agent=on", "--edge", "https://www.example.com/x");
  const shown = made.stdout
    .replace(/token=[\w.-]+/, "token=<token>")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, "<time>");
  expect([made.code, made.stderr, shown.trimEnd().split("\n")]).toEqual([
    0,
    "",
    [
      "https://www.example.com/.well-known/sluice/override?token=<token>",
      "",
      "FLAG       FORCED  IN FORCE  REASON",
      "ai_search  on      yes",
      "ai_agent   on      NO        it is switched off",
      "",
      "Open the link in the browser to test. It expires at <time>.",
    ],
  ]);
});

test("docs/overrides.md shows what it prints", async () => {
  const page = await readFile(new URL("../../docs/overrides.md", import.meta.url), "utf8");
  const [, line = "", expected = ""] = /```console\n\$ sluice (.*)\n([\s\S]*?)```/.exec(page) ?? [];
  const varying = (text: string): string =>
    text
      .replace(/token=[^&\s]+/, "token=<token>")
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, "<time>")
      .trimEnd();
  const made = await sluice(...splitCommandLine(line));
  expect([made.code, varying(made.stdout)]).toEqual([0, varying(expected)]);
  for (const limit of [`${MAX_OVERRIDE_FLAGS} flags`, `${MAX_OVERRIDE_TOKEN / 1_000},000 characters`]) {
    expect(page).toContain(limit);
  }
  expect(page).toContain(`\`${OVERRIDE_TYPE}\``);
});

test("one link for each site", async () => {
  const { stdout, code } = await sluice(
    ...["override", "ai_search=on", "--json", "--edge", "https://a.example,https://b.example/x"],
    ...["--edge", "https://a.example"],
  );
  const { links, flags, ends_at, path } = JSON.parse(stdout) as {
    readonly links: readonly string[];
    readonly flags: unknown;
    readonly ends_at: string;
    readonly path: string;
  };
  expect([code, links]).toEqual([0, [`https://a.example${path}`, `https://b.example${path}`]]);
  expect(flags).toEqual([{ flag_key: "ai_search", forced: "on", in_force: "always" }]);
  // Two hours by default.
  expect(Math.abs(Date.parse(ends_at) - Date.now() - 7_200_000)).toBeLessThan(60_000);

  const named = await callSluice(["override", "ai_search=on"], {
    env: { ...system.env, SLUICE_EDGE_URLS: "https://www.example.com" },
  });
  expect(linkIn(named.stdout)).toMatch(
    /^https:\/\/www\.example\.com\/\.well-known\/sluice\/override\?token=/,
  );
});

test.for([
  ["90s", 90],
  ["1m", 60],
  ["2h", 7_200],
  ["7d", 604_800],
] as const)("--for %s", async ([text, seconds]) => {
  const site = ["--edge", "https://a.example", "--json"];
  const before = Math.floor(Date.now() / 1000);
  const { stdout } = await sluice("override", "ai_search=on", "--for", text, ...site);
  const { ends_at } = JSON.parse(stdout) as { readonly ends_at: string };
  const after = Math.floor(Date.now() / 1000);
  const endsAt = Date.parse(ends_at) / 1000;
  expect(endsAt - seconds).toBeGreaterThanOrEqual(before);
  expect(endsAt - seconds).toBeLessThanOrEqual(after);
});

describe("rejects the command and signs nothing", () => {
  const site = ["--edge", "https://a.example"];
  test.for<[args: readonly string[], code: number, words: RegExp]>([
    [["ai_search", ...site], 2, /key=on, key=off or key=variant/],
    [["ai_search=", ...site], 2, /key=on/],
    [["=on", ...site], 2, /key=on/],
    [["ai_search=On", ...site], 2, /on, off or the key of a variant/],
    [["AI=on", ...site], 2, /lower-case/],
    [[...site], 2, /missing required argument/],
    [["ai_search=on", "--for", "2", ...site], 2, /90s, 30m, 2h or 7d/],
    [["ai_search=on", "--for", "59s", ...site], 2, /a minute or more/],
    [["ai_search=on", "--for", "8d", ...site], 2, /a week at most/],
    [["ai_search=on", "--for", "-2h", ...site], 2, /90s/],
    [["ai_search=on"], 2, /the site is missing/],
    [["ai_search=on", "--url", "https://a.example", ...site], 2, /cannot be combined/],
    [["ai_search=on", "--url", "www.example.com/ai"], 2, /not the address of a site/],
    [["ai_search=on", "--url", "javascript:alert(1)"], 2, /not the address of a site/],
    [["ai_search=on", "--url", "https://user:secret@a.example"], 2, /user name or password/],
    [["ai_search=on", "--edge", "nowhere"], 2, /not the address of a site/],
    [["ai_serch=on", ...site], 2, /\/flags\/ai_serch "on": there is no such flag/],
    [["copilot=huge", ...site], 2, /\/flags\/copilot "huge": must be one of on, off, small, large/],
    [[...Array.from({ length: 21 }, (_, at) => `f${at}=on`), ...site], 2, /at most 20 flags/],
  ])("%j", async ([args, code, words]) => {
    const before = await system.sql("SELECT count(*) FROM override_audit");
    const run = await sluice("override", ...args);
    expect([run.code, run.stdout]).toEqual([code, ""]);
    expect(run.stderr).toMatch(words);
    expect(run.stderr).not.toContain("secret");
    expect(await system.sql("SELECT count(*) FROM override_audit")).toEqual(before);
  });

  test("a publisher without keys", async () => {
    const redis = await startRedisRest();
    const other = await startCliSystem({ databaseUrl: system.databaseUrl, redis, signsOverrides: false });
    const run = await other.sluice(["override", "ai_search=on", ...site]);
    await other.stop();
    await redis.stop();
    expect(run.code).toBe(4);
    expect(run.stderr).toContain("signs no overrides: set OVERRIDE_KEYS here and on the workers");
    expect(run.stderr).toContain("openssl rand -base64 32");
  });
});

test("with Redis down, kills are reported as unknown", async () => {
  const redis = await startRedisRest();
  const other = await startCliSystem({ databaseUrl: system.databaseUrl, redis });
  await redis.stop();
  const run = await other.sluice(["override", "ai_search=on", "--edge", "https://a.example"]);
  await other.stop();
  expect(run.code).toBe(0);
  expect(run.stdout).toContain("Kills of these flags are unknown");
});
