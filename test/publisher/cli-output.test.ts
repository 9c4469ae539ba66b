import { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../publisher/cli/run-cli.ts";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search", { description: "words" });
});
afterAll(() => system.stop());

test("an answer that cannot be written is a failure, and no stack trace", async () => {
  const stderr: string[] = [];
  const code = await runCli(["describe", "ai_search", "new words"], system.env, {
    stdin: Readable.from([]),
    stdout: new Writable({
      write: (_chunk, _encoding, done) =>
        done(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })),
    }),
    stderr: new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        stderr.push(chunk.toString());
        done();
      },
    }),
  });
  expect(code).toBe(1);
  expect(stderr.join("")).toMatch(
    /^error: standard output cannot be written\n {2}ENOSPC: .*\n {2}The command itself has finished\.\n {2}-> /,
  );
  expect(await system.row("ai_search")).toMatchObject({ description: "new words" });
});

describe("help", () => {
  test("of every command has an example", async () => {
    const { stdout } = await callSluice(["--help"]);
    const commands = Array.from(
      stdout.matchAll(/^ {2}(\w+)(?: <\w+>)* {2,}[A-Z]/gm),
      ([, name = ""]) => name,
    );
    expect(commands.length).toBeGreaterThanOrEqual(20);
    for (const command of commands.filter((name) => name !== "help")) {
      const help = await callSluice([command, "--help"]);
      expect(help).toMatchObject({ code: 0, stderr: "" });
      expect(help.stdout).toMatch(new RegExp(`Examples?:\\n(.*\\n)*?.*sluice ${command}`));
      expect(await callSluice(["help", command])).toEqual(help);
    }
  });

  test.each(["rule", "segment", "variant", "require"])("of what is below %s, too", async (group) => {
    const { stdout } = await callSluice([group, "--help"]);
    const [, list = ""] = stdout.split("Commands:\n");
    const below = Array.from(list.matchAll(/^ {2}(\w+)(?: <[^>]+>)* {2,}[A-Z]/gm), ([, name = ""]) => name);
    expect(below.length).toBeGreaterThanOrEqual(3);
    for (const command of below) {
      const help = await callSluice([group, command, "--help"]);
      expect(help).toMatchObject({ code: 0, stderr: "" });
      expect(help.stdout).toMatch(new RegExp(`Examples?:\\n(.*\\n)*?.*sluice ${group} ${command}`));
    }
  });

  test("and the version ask nobody", async () => {
    const env = { SLUICE_URL: "nonsense" };
    expect(await callSluice(["--version"], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });
});

describe("an environment that is not valid", () => {
  const STORES = ["DATABASE_URL", "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"];

  test.each([
    { command: "migrate", needs: ["DATABASE_URL"] },
    { command: "publish", needs: STORES },
    { command: "serve", needs: [...STORES, "ADMIN_TOKEN"] },
  ])("$command names every variable that is missing", async ({ command, needs }) => {
    const run = await callSluice([command]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    const named = Array.from(run.stderr.matchAll(/^ {2}([A-Z_]+) must be set/gm), ([, name]) => name);
    expect(named).toEqual(needs);
  });

  test("serve names every wrong variable, but no value", async () => {
    const env = {
      DATABASE_URL: "mysql://u:secret@db/sluice",
      MIGRATION_DATABASE_URL: "secret",
      UPSTASH_REDIS_REST_URL: "http://secret.example.com",
      UPSTASH_REDIS_REST_TOKEN: "secret token",
      SLUICE_ENV: "SECRET",
      ADMIN_TOKEN: "secret",
      PORT: "secret",
      MAX_SNAPSHOT_BYTES: "12",
    };
    const run = await callSluice(["serve"], { env });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    const named = Array.from(run.stderr.matchAll(/^ {2}([A-Z_]+) must /gm), ([, name = ""]) => name);
    expect(named.toSorted()).toEqual(Object.keys(env).toSorted());
    expect(run.stderr).not.toMatch(/secret/i);
  });

  test("migrate reports a wrong password without printing it", async () => {
    const wrong = new URL(system.databaseUrl);
    wrong.password = "secret";
    const run = await callSluice(["migrate"], { env: { DATABASE_URL: wrong.href } });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toMatch(
      /^error: Postgres rejects this user\n {2}.*\n {2}-> check user and password in DATABASE_URL/,
    );
    expect(run.stderr).not.toContain("secret");
  });
});
