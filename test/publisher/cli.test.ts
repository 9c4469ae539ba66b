import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCliSystem, type CliRun, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let folder: string;

beforeAll(async () => {
  system = await startCliSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-cli-"));
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

const IN_REDIS = /^revision \d+, in Redis$/m;

function expectDone(run: CliRun): void {
  expect(run.stderr).toBe("");
  expect(run.code).toBe(0);
}

const json = (run: CliRun) => JSON.parse(run.stdout) as Readonly<Record<string, unknown>>;

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const at = path.join(folder, name);
  await writeFile(at, content);
  return at;
}

describe("create", () => {
  test("creates a flag that is off and at 0 %", async () => {
    const run = await system.sluice(["create", "made"]);
    expectDone(run);
    expect(run.stdout).toContain("Created made: off, and at 0 %.\n");
    expect(run.stdout).toMatch(IN_REDIS);
    expect(await system.row("made")).toMatchObject({ enabled: false, rollout_pct: "0.00", targeting: {} });
  });

  test("sets every option", async () => {
    expectDone(
      await system.sluice([
        ...["create", "full", "--description", "AI answers", "--owner", "search-team", "--tag", "ai,beta"],
        ...["--tag", "q3", "--allow", "u1,u2", "--allow", "u3", "--plan", "pro", "--employees-only"],
      ]),
    );
    expect(await system.row("full")).toMatchObject({
      description: "AI answers",
      owner: "search-team",
      tags: ["ai", "beta", "q3"],
      targeting: { allowlist: ["u1", "u2", "u3"], plans: ["pro"], employees_only: true },
    });
  });

  test("a key that is taken is a conflict", async () => {
    await system.make("taken", { description: "first" });
    const run = await system.sluice(["create", "taken", "--description", "second"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toBe(
      "error: a flag with this key exists already\n  -> `sluice show taken` shows the current flag\n",
    );
    expect(await system.row("taken")).toMatchObject({ description: "first" });
  });
});

describe("list and show", () => {
  beforeAll(async () => {
    await system.make("list_b", { owner: "lister", description: "second", tags: ["t"] });
    await system.make("list_a", { owner: "lister", targeting: { employees_only: true } });
    await system.make("list_c", { owner: "lister", description: "third" });
    await system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 12.5 WHERE key = 'list_c'");
    await system.call("POST", "/api/v1/flags/list_b/archive");
  });

  test("list is a table for people", async () => {
    const run = await system.sluice(["list", "--owner", "lister"]);
    expectDone(run);
    const lines = run.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^KEY +STATE +ROLLOUT +FOR +CHANGED +DESCRIPTION$/);
    expect(lines[1]).toMatch(/^list_a +off +0 % +employees only +\d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
    expect(lines[2]).toMatch(/^list_c +on +12\.5 % +everybody +.* UTC +third$/);
    expect(lines).toHaveLength(3);
  });

  test.each([
    { args: ["--enabled"], keys: ["list_c"] },
    { args: ["--disabled"], keys: ["list_a"] },
    { args: ["--archived"], keys: ["list_b"] },
    { args: ["--archived", "--tag", "t"], keys: ["list_b"] },
    { args: ["--search", "THIRD"], keys: ["list_c"] },
    { args: ["--sort", "rollout", "--reverse"], keys: ["list_c", "list_a"] },
    { args: ["--sort", "created"], keys: ["list_a", "list_c"] },
  ])("list $args", async ({ args, keys }) => {
    const run = await system.sluice(["list", "--owner", "lister", "--json", ...args]);
    expectDone(run);
    const { flags } = json(run) as unknown as { flags: { key: string }[] };
    expect(flags.map(({ key }) => key)).toEqual(keys);
  });

  test("list reads every page", async () => {
    await system.sql(
      "INSERT INTO feature_flags (key, owner) SELECT 'page_' || n, 'pages' FROM generate_series(1, 1001) AS n",
    );
    const run = await system.sluice(["list", "--owner", "pages", "--json"]);
    const { flags } = json(run) as unknown as { flags: { key: string }[] };
    expect(new Set(flags.map(({ key }) => key)).size).toBe(1_001);
    await system.sql("DELETE FROM feature_flags WHERE owner = 'pages'");
  });

  test("list reports when no flag matches", async () => {
    expect((await system.sluice(["list", "--tag", "nobody"])).stdout).toBe("No flag matches.\n");
  });

  test("show prints the flag and its warnings", async () => {
    const run = await system.sluice(["show", "list_a"]);
    expectDone(run);
    expect(run.stdout).toMatch(/^employees only +yes$/m);
    expect(run.stdout).toContain("It is off for everybody until `sluice enable list_a`.");
  });

  test("show --json has the ETag for a later API call", async () => {
    const run = await system.sluice(["show", "list_a", "--json"]);
    expect(json(run)).toMatchObject({ flag: { key: "list_a" }, etag: expect.stringMatching(/^"\d+\.\d+"$/) });
  });

  test("a flag that SQL broke is shown as invalid", async () => {
    await system.sql(
      `INSERT INTO feature_flags (key, owner, targeting, gates) VALUES ('broken', 'sql', '{"plans": 1}', '[7]')`,
    );
    expect((await system.sluice(["list", "--owner", "sql"])).stdout).toMatch(
      /^broken +invalid +0 % +not valid/m,
    );
    const run = await system.sluice(["show", "broken"]);
    expect(run.stdout).toMatch(/^gates +not valid$/m);
    expect(run.stdout).toMatch(/^not valid +\S/m);
  });
});

describe("describe", () => {
  test("changes the description", async () => {
    await system.make("described", { description: "old" });
    expectDone(await system.sluice(["describe", "described", "new words"]));
    expect(await system.row("described")).toMatchObject({ description: "new words" });
    const again = await system.sluice(["describe", "described", "new words"]);
    expect(again.stdout).toContain("described is already like this: nothing was changed.");
  });

  test("changes the visibility and the fail mode", async () => {
    await system.make("told");
    const run = await system.sluice([
      ...["describe", "told", "--no-in-header", "--client-visible", "--fail-mode", "last-known"],
    ]);
    expectDone(run);
    expect(run.stdout).toMatch(
      /^told is not sent in x-flags\.\ntold may be sent to browsers\.\ntold is as last known when the edge has no fresh snapshot/,
    );
    expect(await system.row("told")).toMatchObject({
      in_header: false,
      client_visible: true,
      fail_mode: "last-known",
      description: "",
    });
    expectDone(
      await system.sluice(["describe", "told", "--in-header", "--no-client-visible", "--fail-mode", "off"]),
    );
    expect(await system.row("told")).toMatchObject({
      in_header: true,
      client_visible: false,
      fail_mode: "off",
    });
    const nothing = await system.sluice(["describe", "told"]);
    expect(nothing).toMatchObject({ code: 2, stdout: "" });
    expect(nothing.stderr).toMatch(/^error: there is nothing to change\n/);
  });

  test("takes a text that begins with a dash after --", async () => {
    await system.make("dashed");
    expectDone(await system.sluice(["describe", "dashed", "--", "--json"]));
    expect(await system.row("dashed")).toMatchObject({ description: "--json" });
  });
});

describe("rollout, enable and kill", () => {
  test("rollout shows before and after", async () => {
    await system.make("ramp");
    await system.sluice(["enable", "ramp"]);
    const run = await system.sluice(["rollout", "ramp", "25%"]);
    expectDone(run);
    expect(run.stdout).toMatch(/^ramp: 0 % -> 25 % of users\.\nrevision \d+, in Redis\n$/);
    expect((await system.sluice(["rollout", "ramp", "0.5"])).stdout).toContain(
      "ramp: 25 % -> 0.5 % of users.",
    );
    expect((await system.sluice(["rollout", "ramp", "0.50"])).stdout).toContain("ramp is already at 0.5 %.");
    expect(await system.row("ramp")).toMatchObject({ rollout_pct: "0.50" });
  });

  test("rollout warns when the percentage has no effect", async () => {
    await system.make("unseen", { targeting: { employees_only: true } });
    const run = await system.sluice(["rollout", "unseen", "1"]);
    expect(run.stdout).toContain("It is off for everybody until `sluice enable unseen`.");
    expect(run.stdout).toContain("`sluice target unseen --no-employees-only`");
  });

  test("enable shows the users; kill keeps the percentage and targeting", async () => {
    await system.make("switch", { targeting: { plans: ["pro"] } });
    await system.sluice(["rollout", "switch", "10"]);
    expect((await system.sluice(["enable", "switch"])).stdout).toContain(
      "switch is on, for plans: pro, at 10 %.",
    );
    expect((await system.sluice(["enable", "switch"])).stdout).toContain("switch is already on.");
    const run = await system.sluice(["kill", "switch"]);
    expectDone(run);
    expect(run.stdout).toMatch(/^switch is off for everybody\.\nrevision \d+, in Redis\n$/);
    expect(await system.row("switch")).toMatchObject({ enabled: false, rollout_pct: "10.00" });
    expectDone(await system.sluice(["kill", "switch"]));
  });

  test("an archived flag cannot be enabled", async () => {
    await system.make("shelved");
    expectDone(await system.sluice(["archive", "shelved"]));
    const run = await system.sluice(["enable", "shelved"]);
    expect(run.code).toBe(4);
    expect(run.stderr).toContain("error: flag shelved is archived: restore it first\n");
    expect((await system.sluice(["restore", "shelved"])).stdout).toContain("shelved is restored and off.");
    expectDone(await system.sluice(["enable", "shelved"]));
  });
});

describe("target", () => {
  const targetingOf = async (key: string) => (await system.row(key))?.["targeting"];

  test("edits the lists and keeps everything else", async () => {
    await system.make("aim", { targeting: { allowlist: ["u0"], blocklist: ["x0"], plans: ["pro"] } });
    const run = await system.sluice([
      ...["target", "aim", "--allow", "u1,u2", "--deny", "u3", "--plan", "enterprise"],
    ]);
    expectDone(run);
    expect(run.stdout).toContain(
      "  allowed: + u1, u2 (3 in all)\n  denied: + u3 (2 in all)\n  plans: pro, enterprise\n",
    );
    expect(await targetingOf("aim")).toEqual({
      allowlist: ["u0", "u1", "u2"],
      blocklist: ["x0", "u3"],
      plans: ["pro", "enterprise"],
    });

    await system.sluice([
      "target",
      "aim",
      "--unlist",
      "u0,x0,nobody",
      "--no-plan",
      "pro",
      "--employees-only",
    ]);
    expect(await targetingOf("aim")).toEqual({
      allowlist: ["u1", "u2"],
      blocklist: ["u3"],
      plans: ["enterprise"],
      employees_only: true,
    });

    await system.sluice(["target", "aim", "--any-plan", "--no-employees-only"]);
    expect(await targetingOf("aim")).toEqual({ allowlist: ["u1", "u2"], blocklist: ["u3"] });

    await system.sluice(["target", "aim", "--clear", "--allow", "only"]);
    expect(await targetingOf("aim")).toEqual({ allowlist: ["only"] });
  });

  test("removing the last plan does not open the flag to everyone", async () => {
    await system.make("last_plan", { targeting: { plans: ["pro"] } });
    const run = await system.sluice(["target", "last_plan", "--no-plan", "pro"]);
    expect(run.stdout).toContain(
      "plans: none, so only allowed ids get the flag (--any-plan removes the limit)",
    );
    expect(await targetingOf("last_plan")).toEqual({ plans: [] });
  });

  test("an id changes lists only with --move", async () => {
    await system.make("lists", { targeting: { blocklist: ["u1"] } });
    const run = await system.sluice(["target", "lists", "--allow", "u1,u2"]);
    expect(run.code).toBe(4);
    expect(run.stderr).toBe(
      "error: --allow names ids that are denied now: u1\n" +
        "  They are on the other list of lists. Nothing was changed.\n" +
        "  -> add --move to move them to this list, or leave them out\n",
    );
    expect(await targetingOf("lists")).toEqual({ blocklist: ["u1"] });
    expectDone(await system.sluice(["target", "lists", "--allow", "u1", "--move"]));
    expect(await targetingOf("lists")).toEqual({ allowlist: ["u1"] });
  });

  test("an equal edit sends nothing", async () => {
    await system.make("same", { targeting: { allowlist: ["u1"] } });
    const before = await system.everything();
    const run = await system.sluice([
      "target",
      "same",
      "--allow",
      "u1",
      "--no-employees-only",
      "--unlist",
      "u9",
    ]);
    expectDone(run);
    expect(run.stdout).toContain("same already has this targeting: nothing was changed.");
    expect(await system.everything()).toBe(before);
  });

  test("reads ids from a file and from standard input, byte for byte", async () => {
    await system.make("files");
    const ids = await file("ids.txt", "\ufeffu1\r\nü-2\r\n\r\nu,3\r\nu1\r\n");
    expectDone(
      await system.sluice(["target", "files", "--allow-file", ids, "--deny-file", "-"], { input: "bad 1\n" }),
    );
    expect(await targetingOf("files")).toEqual({ allowlist: ["u1", "ü-2", "u,3"], blocklist: ["bad 1"] });
  });

  test("takes a full list", async () => {
    await system.make("big");
    const input = Array.from({ length: 10_000 }, (_, n) => `customer-${n}`).join("\n");
    const run = await system.sluice(["target", "big", "--allow-file", "-"], { input });
    expectDone(run);
    expect(run.stdout).toContain("and 9995 more (10000 in all)");
    const more = await system.sluice(["target", "big", "--allow", "one-too-many"]);
    expect(more.code).toBe(2);
    // Every later publish would carry it.
    await system.sluice(["delete", "big", "--yes"]);
    expect(more.stderr).toContain("error: /targeting/allowlist: must have at most 10000 items\n");
  });

  test("targeting that SQL broke is replaced, not edited", async () => {
    await system.sql(
      `INSERT INTO feature_flags (key, targeting) VALUES ('sql_targeting', '{"plans": 1, "country": ["CH"]}')`,
    );
    const run = await system.sluice(["target", "sql_targeting", "--allow", "u1"]);
    expect(run.code).toBe(4);
    expect(run.stderr).toContain("error: the targeting of sql_targeting is not valid\n");
    expectDone(await system.sluice(["target", "sql_targeting", "--clear", "--allow", "u1"]));
    expect(await targetingOf("sql_targeting")).toEqual({ allowlist: ["u1"] });
  });
});

describe("gate", () => {
  test("adds, replaces, lists and removes", async () => {
    await system.make("gated");
    expect((await system.sluice(["gate", "gated"])).stdout).toBe("gated has no gates.\n");
    expectDone(await system.sluice(["gate", "gated", "--add", "/ai/*", "--rewrite", "/classic"]));
    expectDone(await system.sluice(["gate", "gated", "--add", "/beta", "--redirect", "/"]));
    expectDone(await system.sluice(["gate", "gated", "--add", "/ai/*", "--status", "404"]));
    const list = await system.sluice(["gate", "gated", "--list"]);
    expect(list.stdout).toBe("PAGES  WITHOUT THE FLAG\n/ai/*  answers 404\n/beta  redirects to / (302)\n");
    const removed = await system.sluice(["gate", "gated", "--remove", "/ai/*"]);
    expect(removed.stdout).toContain("removed the gate for /ai/*: its pages are open to everybody");
    expect(json(await system.sluice(["gate", "gated", "--json"]))).toEqual({
      key: "gated",
      gates: [{ pattern: "/beta", otherwise: { redirect: "/", status: 302 } }],
    });
    const missing = await system.sluice(["gate", "gated", "--remove", "/nothing"]);
    expect(missing.code).toBe(3);
    expect(missing.stderr).toContain(
      "error: gated has no gate for /nothing\n  The flag has gates for /beta.\n",
    );
  });

  test("an error of the API shows the pointer", async () => {
    await system.make("gate_faults");
    const run = await system.sluice(["gate", "gate_faults", "--add", "no-slash", "--status", "404"]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('/gates/0/pattern "no-slash": must begin with /');
    const status = await system.sluice(["gate", "gate_faults", "--add", "/a", "--status", "200"]);
    expect(status.code).toBe(2);
    expect(status.stderr).toBe(
      "error: --status 200 is not what a gate answers without --redirect\n  -> choose 403, 404 or 410\n",
    );
  });
});

describe("delete", () => {
  test("needs --yes where nobody can be asked", async () => {
    await system.make("doomed");
    const run = await system.sluice(["delete", "doomed"]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("-> sluice delete doomed --yes");
    expect(await system.row("doomed")).toBeDefined();
    const yes = await system.sluice(["delete", "doomed", "--yes"]);
    expectDone(yes);
    expect(yes.stdout).toMatch(/^doomed is deleted\.\nrevision \d+, in Redis\n$/);
    expect(await system.row("doomed")).toBeUndefined();
  });

  test("a flag with gates is not deleted", async () => {
    await system.make("gated_doomed", { gates: [{ pattern: "/x", otherwise: { status: 404 } }] });
    const run = await system.sluice(["delete", "gated_doomed", "-y"]);
    expect(run.code).toBe(4);
    expect(run.stderr).toContain("archive it, or remove its gates first");
  });
});

describe("explain", () => {
  beforeAll(async () => {
    await system.make("why", { targeting: { allowlist: ["vip"], plans: ["pro"] } });
    await system.sluice(["enable", "why"]);
    await system.sluice(["rollout", "why", "50"]);
  });

  test.each([
    { args: ["--user", "vip"], value: true, because: "the user id is on the allowlist" },
    { args: ["--user", "u1", "--plan", "free"], value: false, because: "the user is on none of its plans" },
    { args: ["--plan", "pro"], value: false, because: "the percentage needs a user id or an anonymous id" },
    {
      args: ["--context", '{"userId":"vip","plan":"free"}', "--plan", "pro"],
      value: true,
      because: "the user id",
    },
    {
      args: ["--anonymous", "anon-abcdefghijklmnopqrstuv"],
      value: false,
      because: "the user is on none of its plans",
    },
  ])("$args", async ({ args, value, because }) => {
    const run = await system.sluice(["explain", "why", ...args]);
    expectDone(run);
    expect(run.stdout).toMatch(new RegExp(`^why +${value ? "on" : "off"}$`, "m"));
    expect(run.stdout).toContain(because);
    expect(json(await system.sluice(["explain", "why", "--json", ...args]))).toMatchObject({
      flag_key: "why",
      value,
    });
  });

  test("shows the bucket and the percentage", async () => {
    const run = await system.sluice(["explain", "why", "--user", "u1", "--plan", "pro"]);
    expect(run.stdout).toMatch(/^bucket +\d+\.\d{4} of 100, by targetingKey$/m);
    expect(run.stdout).toMatch(/^percentage +50 %$/m);
  });

  test("a rejected context names the attribute", async () => {
    const run = await system.sluice(["explain", "why", "--context", '{"isEmployee":"yes"}']);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/^error: \/context\/isEmployee \(--context\) "yes": must be true or false$/m);
  });
});

describe("status", () => {
  test("shows the state of Postgres and Redis", async () => {
    const run = await system.sluice(["status"]);
    expectDone(run);
    expect(run.stdout).toMatch(/^Postgres +revision \d+ \(epoch \d+\), since .+$/m);
    expect(run.stdout).toMatch(/^published +yes$/m);
    expect(json(await system.sluice(["status", "--json"]))).toMatchObject({
      published: true,
      diverged: false,
    });
  });
});

test("--json puts JSON alone on standard output, for every change", async () => {
  await system.make("machine");
  const commands = [
    ["create", "machine2"],
    ["describe", "machine", "text"],
    ["target", "machine", "--allow", "u1"],
    ["enable", "machine"],
    ["rollout", "machine", "5"],
    ["gate", "machine", "--add", "/m", "--status", "404"],
    ["kill", "machine"],
    ["archive", "machine"],
    ["restore", "machine"],
    ["delete", "machine2", "--yes"],
  ];
  for (const command of commands) {
    const run = await system.sluice([...command, "--json"]);
    expectDone(run);
    expect(json(run)).toMatchObject({ revision: expect.any(Number), published: true });
  }
});
