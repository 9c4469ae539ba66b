import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOnTerminal } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("plain", { description: "words" });
});
afterAll(() => system.stop());

const ESCAPE = "\u001b";

describe("colours", () => {
  test.each([
    { isTTY: true, env: {}, coloured: true },
    { isTTY: false, env: {}, coloured: false },
    { isTTY: true, env: { NO_COLOR: "1" }, coloured: false },
    { isTTY: true, env: { NO_COLOR: "" }, coloured: true },
    { isTTY: false, env: { FORCE_COLOR: "1" }, coloured: true },
    { isTTY: true, env: { FORCE_COLOR: "0" }, coloured: false },
    { isTTY: true, env: { NO_COLOR: "1", FORCE_COLOR: "1" }, coloured: false },
    { isTTY: true, env: { TERM: "dumb" }, coloured: false },
  ])("terminal $isTTY, $env: $coloured", async ({ isTTY, env, coloured }) => {
    const all = { ...system.env, ...env };
    const list = await runOnTerminal(["list"], { isTTY, env: all });
    expect(list.stdout.includes(ESCAPE)).toBe(coloured);
    const help = await runOnTerminal(["--help"], { isTTY, env: all });
    expect(help.stdout.includes(ESCAPE)).toBe(coloured);
    const error = await runOnTerminal(["show", "nope"], { isTTY, env: all });
    expect(error.stderr.includes(ESCAPE)).toBe(coloured);
    expect((await runOnTerminal(["list", "--json"], { isTTY, env: all })).stdout).not.toContain(ESCAPE);
  });
});

describe("text from outside", () => {
  const NASTY = "a\u001b[2J\u001b]0;owned\u0007b\u202ec\u009bd\re\nf";
  const UNSAFE = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

  beforeAll(async () => {
    await system.sql(
      "INSERT INTO feature_flags (key, description, owner, tags, targeting) VALUES ('nasty', $1, $1, ARRAY[$1], $2)",
      [NASTY, JSON.stringify({ allowlist: [NASTY], plans: [NASTY] })],
    );
    const rule = {
      id: "r",
      description: NASTY,
      if: { [NASTY]: NASTY, plan: { $in: [NASTY] } },
      variant: NASTY,
    };
    await system.sql(
      "INSERT INTO feature_flags (key, enabled, targeting, variants, requires, salt) VALUES ('nasty_rules', true, $1, $2, $3, NULL)",
      [
        JSON.stringify({ rules: [rule] }),
        JSON.stringify([{ key: NASTY, weight: 1, value: NASTY }]),
        JSON.stringify([{ flag: NASTY, variant: NASTY }]),
      ],
    );
    await system.sql(
      "INSERT INTO segments (name, description, ids, condition) VALUES ('nasty', $1, ARRAY[$1], $2)",
      [NASTY, JSON.stringify({ plan: NASTY })],
    );
    await system.make("steps", { targeting: { rules: [{ id: "r", if: { plan: NASTY }, off: true }] } });
    await system.sql("UPDATE feature_flags SET enabled = true WHERE key = 'steps'");
  });

  test.each([
    { args: ["show", "nasty"] },
    { args: ["list"] },
    { args: ["explain", "nasty"] },
    { args: ["explain", "--all"] },
    { args: ["explain", "steps", "--plan", NASTY, "--user", NASTY] },
    { args: ["show", "nasty_rules"] },
    { args: ["rule", "list", "nasty_rules"] },
    { args: ["rule", "list", "steps"] },
    { args: ["rule", "remove", "nasty_rules", "nope"] },
    { args: ["variant", "list", "nasty_rules"] },
    { args: ["variant", "remove", "nasty_rules", "nope"] },
    { args: ["require", "list", "nasty_rules"] },
    { args: ["require", "remove", "nasty_rules", "nope"] },
    { args: ["segment", "show", "nasty"] },
    { args: ["segment", "list"] },
    { args: ["segment", "add", "nasty", "u1"] },
    { args: ["rule", "add", "steps", "--if", JSON.stringify({ [NASTY]: 1 }), "--off"] },
    { args: ["target", "nasty", "--deny", "x"] },
  ])("cannot control the terminal: $args.0", async ({ args }) => {
    for (const isTTY of [true, false]) {
      const run = await runOnTerminal(args, { isTTY, env: system.env, columns: 400 });
      const text = (run.stdout + run.stderr)
        .replaceAll(/\u001b\[\d+m/g, "") // oxlint-disable-line no-control-regex -- our own colours
        .replaceAll("\r\u001b[K", "");
      expect(text).not.toMatch(UNSAFE);
    }
  });

  test("is escaped on the terminal and unchanged in JSON", async () => {
    const run = await system.run(["show", "nasty"]);
    expect(run.stdout).toContain("a\\u{1b}[2J\\u{1b}]0;owned\\u{7}b\\u{202e}c\\u{9b}d\\u{d}e\\u{a}f");
    const machine = await system.sluice(["show", "nasty", "--json"]);
    expect(machine.stdout).not.toMatch(UNSAFE);
    expect(JSON.parse(machine.stdout)).toMatchObject({ flag: { description: NASTY } });
  });
});

describe("questions", () => {
  test.each([
    { input: "y\n", code: 0, stays: false },
    { input: "YES\n", code: 0, stays: false },
    { input: "n\n", code: 1, stays: true },
    { input: "\n", code: 1, stays: true },
    { input: "", code: 1, stays: true },
    { input: "yup\n", code: 1, stays: true },
  ])("delete, answered $input: stays $stays", async ({ input, code, stays }) => {
    await system.sql("INSERT INTO feature_flags (key) VALUES ('asked') ON CONFLICT DO NOTHING");
    const run = await runOnTerminal(["delete", "asked"], { isTTY: true, env: system.env, input });
    expect(run.code).toBe(code);
    expect(run.stderr).toContain("Delete asked (off, 0 %, for everybody)? [y/N] ");
    expect((await system.row("asked")) !== undefined).toBe(stays);
  });
});

describe("progress", () => {
  const ids = Array.from({ length: 5_000 }, (_, n) => `u${n}`).join("\n");

  test("is shown on a terminal and removed at the end", async () => {
    await system.make("slow");
    const run = await runOnTerminal(["target", "slow", "--allow-file", "-"], {
      isTTY: true,
      env: system.env,
      input: ids,
    });
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/Reading ids from standard input: \d+ KiB/);
    expect(run.stderr).toContain("Sending 5000 ids");
    expect(run.stderr.endsWith("\r\u001b[K")).toBe(true);
    expect(run.stdout).not.toContain("\r");
  });

  test("is not written into files and pipes", async () => {
    await system.make("quiet");
    const run = await system.run(["target", "quiet", "--allow-file", "-"], { input: ids });
    expect(run).toMatchObject({ code: 0, stderr: "" });
  });
});

test("a table fits the terminal in every script", async () => {
  await system.make("wide_words", { owner: "wide", description: "検索結果の上に表示される回答".repeat(10) });
  const columns = 100;
  const run = await runOnTerminal(["list", "--owner", "wide"], {
    isTTY: true,
    env: { ...system.env, NO_COLOR: "1" },
    columns,
  });
  const [, line = ""] = run.stdout.split("\n");
  const width = Array.from(line, (character) => (/[\u3000-\u9fff]/.test(character) ? 2 : 1) as number);
  expect(width.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(columns);
  expect(line.endsWith("…")).toBe(true);
});

test("`sluice list | head` is not an error", async () => {
  await system.sql(
    "INSERT INTO feature_flags (key, description) SELECT 'many_' || n, repeat('x', 900) FROM generate_series(1, 600) AS n",
  );
  for (const args of [["list"], ["list", "--json"]]) {
    const run = await system.run(args, { closeStdoutAfter: 1 });
    expect(run).toMatchObject({ code: 0, stderr: "" });
  }
  await system.sql("DELETE FROM feature_flags WHERE key LIKE 'many_%'");
});

test("a pipe that closes early changes neither the result nor the exit code", async () => {
  await system.make("unread");
  const run = await system.run(["target", "unread", "--allow", "u1"], { closeStdoutAfter: 0 });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(await system.row("unread")).toMatchObject({ targeting: { allowlist: ["u1"] } });
});

test("SLUICE_DEBUG shows the stack trace, but not the token", async () => {
  const env = { SLUICE_URL: "http://127.0.0.1:2", SLUICE_TOKEN: "secret-of-mine" };
  const plain = await system.sluice(["list"], { env });
  expect(plain.stderr).not.toMatch(/^\s+at /m);
  const debug = await system.run(["list"], { env: { ...env, SLUICE_DEBUG: "1" } });
  expect(debug.code).toBe(6);
  expect(debug.stderr).toContain(plain.stderr);
  expect(debug.stderr).toMatch(/^\s+at /m);
  expect(debug.stderr).not.toContain("secret-of-mine");
});
