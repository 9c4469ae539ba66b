import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCliGateway, type CliGateway, type PassedRequest } from "../support/cli-gateway.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let gateway: CliGateway;

beforeAll(async () => {
  system = await startCliSystem();
  gateway = await startCliGateway(system.url);
});
afterAll(async () => {
  await gateway.stop();
  await system.stop();
});
afterEach(() => {
  gateway.before = () => Promise.resolve();
  gateway.take();
});

const through = (args: readonly string[]) => system.sluice(args, { env: { SLUICE_URL: gateway.url } });

/** Somebody else's change, just before the CLI's own (first) write arrives. */
function meanwhile(sql: string, times = 1): void {
  let left = times;
  gateway.before = async ({ what }) => {
    if (what.startsWith("GET") || left === 0) return;
    left--;
    await system.sql(sql);
  };
}

const methods = (requests: readonly PassedRequest[]) => requests.map(({ what }) => what.split(" ")[0]);

describe("edits that are repeated after a conflict", () => {
  test("six concurrent edits all succeed", async () => {
    await system.make("together");
    const runs = await Promise.all(
      Array.from({ length: 6 }, (_, n) => system.sluice(["target", "together", "--allow", `u${n}`])),
    );
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    const targeting = (await system.row("together"))?.["targeting"] as { allowlist: string[] };
    expect(targeting.allowlist.toSorted()).toEqual(["u0", "u1", "u2", "u3", "u4", "u5"]);
  });

  test.each([
    {
      args: ["target", "anew", "--deny", "u2"],
      column: "targeting",
      is: { allowlist: ["u1"], blocklist: ["u2"] },
    },
    {
      args: ["gate", "anew", "--add", "/x", "--status", "404"],
      column: "gates",
      is: [{ pattern: "/x", otherwise: { status: 404 } }],
    },
    { args: ["describe", "anew", "mine"], column: "description", is: "mine" },
    {
      args: ["rule", "add", "anew", "--id", "mine", "--if", "{}", "--off"],
      column: "targeting",
      is: { allowlist: ["u1"], rules: [{ id: "mine", if: {}, off: true }] },
    },
    { args: ["variant", "set", "anew", "a=1"], column: "variants", is: [{ key: "a", weight: 1 }] },
    { args: ["bucket", "anew", "--by", "organization"], column: "bucket_by", is: "organization" },
    { args: ["require", "add", "anew", "together"], column: "requires", is: [{ flag: "together" }] },
  ])("$args.0 reads the flag again after a conflict", async ({ args, column, is }) => {
    await system.sql("DELETE FROM feature_flags WHERE key = 'anew' AND gates = '[]'");
    await system.sql("INSERT INTO feature_flags (key) VALUES ('anew') ON CONFLICT DO NOTHING");
    meanwhile(
      `UPDATE feature_flags SET targeting = '{"allowlist": ["u1"]}', owner = owner || '!' WHERE key = 'anew'`,
    );
    const run = await through(args);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    // `require` looks at the other flag before.
    expect(methods(gateway.take()).slice(-4)).toEqual(["GET", "PATCH", "GET", "PATCH"]);
    expect(await system.row("anew")).toMatchObject({ [column]: is });
    await system.sql("UPDATE feature_flags SET gates = '[]' WHERE key = 'anew'");
  });

  test("give up after too many conflicts, and name the other changes", async () => {
    await system.make("never");
    meanwhile("UPDATE feature_flags SET owner = owner || '!' WHERE key = 'never'", 1_000);
    const run = await through(["describe", "never", "mine"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toMatch(/^ {2}revision \d+: sql:\S+ changed owner at \d{4}-/m);
    expect(await system.row("never")).toMatchObject({ description: "" });
  });
});

describe("what widens", () => {
  test.each([
    { args: ["rollout", "wide", "50"], column: "rollout_pct", was: "10.00" },
    { args: ["enable", "wide"], column: "enabled", was: false },
    { args: ["delete", "wide", "--yes"], column: "key", was: "wide" },
  ])("$args.0 is refused when the flag has changed, with who changed what", async ({ args, column, was }) => {
    await system.sql(
      `INSERT INTO feature_flags (key, rollout_pct) VALUES ('wide', 10)
       ON CONFLICT (key) DO UPDATE SET targeting = '{}', enabled = false, rollout_pct = 10`,
    );
    meanwhile(`UPDATE feature_flags SET targeting = '{"plans": ["pro"]}' WHERE key = 'wide'`);
    const run = await through(args);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toMatch(/^error: flag wide has changed, its ETag is now "\d+\.\d+": /);
    expect(run.stderr).toMatch(/^ {2}revision \d+: sql:\S+ changed targeting at /m);
    expect(run.stderr).toContain(
      "-> look at the flag with `sluice show wide`, then run the command again if you still want it",
    );
    expect(await system.row("wide")).toMatchObject({ [column]: was });
  });

  test("continues when only the description changed", async () => {
    await system.make("words");
    meanwhile("UPDATE feature_flags SET description = 'other', tags = '{t}' WHERE key = 'words'");
    expect(await through(["rollout", "words", "5"])).toMatchObject({ code: 0, stderr: "" });
    expect(await system.row("words")).toMatchObject({ rollout_pct: "5.00", description: "other" });
  });
});

describe("what narrows", () => {
  test("a lower percentage is set despite other changes", async () => {
    await system.make("narrow");
    await system.sql("UPDATE feature_flags SET rollout_pct = 50 WHERE key = 'narrow'");
    meanwhile(`UPDATE feature_flags SET targeting = '{"plans": ["pro"]}' WHERE key = 'narrow'`);
    expect(await through(["rollout", "narrow", "10"])).toMatchObject({ code: 0, stderr: "" });
    expect(await system.row("narrow")).toMatchObject({ rollout_pct: "10.00" });
  });

  test("unless somebody lowered it further, so that it would be raised", async () => {
    await system.make("further");
    await system.sql("UPDATE feature_flags SET rollout_pct = 50 WHERE key = 'further'");
    meanwhile("UPDATE feature_flags SET rollout_pct = 1 WHERE key = 'further'");
    const run = await through(["rollout", "further", "10"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toMatch(/sql:\S+ changed rollout_pct at /);
    expect(await system.row("further")).toMatchObject({ rollout_pct: "1.00" });
  });

  test("a kill is a single request", async () => {
    await system.make("one");
    await system.sql("UPDATE feature_flags SET enabled = true WHERE key = 'one'");
    meanwhile("UPDATE feature_flags SET rollout_pct = 100 WHERE key = 'one'");
    expect(await through(["kill", "one"])).toMatchObject({ code: 0, stderr: "" });
    expect(gateway.take()).toEqual([{ what: "PATCH /api/v1/flags/one/toggle", ifMatch: undefined }]);
    expect(await system.row("one")).toMatchObject({ enabled: false });
  });
});

test("an unknown key suggests similar keys", async () => {
  await system.make("ai_summaries");
  const run = await through(["kill", "ai_sumaries"]);
  expect(run).toMatchObject({ code: 3, stdout: "" });
  expect(run.stderr).toBe(
    "error: there is no flag ai_sumaries\n" +
      "  -> did you mean ai_summaries?\n" +
      "     `sluice list` shows all flags, `sluice list --archived` the others\n",
  );
});
