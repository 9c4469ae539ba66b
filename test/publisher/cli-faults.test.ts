import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../support/api-system.ts";
import { API_COMMANDS } from "../support/cli-commands.ts";
import { FAULT_ROWS } from "../support/cli-fault-rows.ts";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliRun, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let untouched: string;

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search");
  untouched = await system.everything();
});
afterAll(() => system.stop());

/** People are told what is wrong and what to do; not where in our code it happened, and nobody is told a secret. */
async function expectRefused(run: CliRun, code: number): Promise<void> {
  expect(run).toMatchObject({ code, stdout: "" });
  expect(run.stderr).not.toMatch(/^\s+at |node:internal|\.ts:\d/m);
  expect(run.stderr).not.toContain(ADMIN_TOKEN);
  expect(run.stderr).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
  expect(await system.everything()).toBe(untouched);
}

describe("an invalid command line is rejected, and nothing changes", () => {
  test.each(FAULT_ROWS)("$args.0: $fault", async ({ args, code, says, input = "" }) => {
    const run = await callSluice(args, { env: system.env, input });
    expect(run.stderr).toMatch(says);
    await expectRefused(run, code);
  });

  test.each([
    { args: ["rollout", "ai_search", "25,5"], code: 2 },
    { args: ["kill", "ai_serch"], code: 3 },
    { args: ["create", "ai_search"], code: 4 },
    { args: ["target", "ai_search", "--allow", "anon-x"], code: 2 },
  ])("as a process, too: $args", async ({ args, code }) => {
    const run = await system.run(args);
    expect(run).toEqual(await callSluice(args, { env: system.env }));
    await expectRefused(run, code);
  });
});

/** What is wrong with the environment: nothing is to be sent, or nothing may come of it. */
const ENVIRONMENTS: readonly {
  readonly fault: string;
  readonly env: Readonly<Record<string, string>>;
  readonly code: number;
  readonly says: RegExp;
}[] = [
  {
    fault: "another token",
    env: { SLUICE_TOKEN: "secret-of-another-system" },
    code: 5,
    says: /^error: this is not the admin token\n {2}-> set SLUICE_TOKEN /,
  },
  { fault: "no token", env: { SLUICE_TOKEN: "" }, code: 2, says: /^ {2}SLUICE_TOKEN must be set$/m },
  {
    fault: "a token with a line end",
    env: { SLUICE_TOKEN: "secret\nhost: evil" },
    code: 2,
    says: /SLUICE_TOKEN must be printable ASCII/,
  },
  {
    fault: "a URL without its scheme",
    env: { SLUICE_URL: "secret.example.com" },
    code: 2,
    says: /SLUICE_URL must be an https:\/\/ URL/,
  },
  {
    fault: "a URL that would send the token in clear",
    env: { SLUICE_URL: "http://secret.example.com" },
    code: 2,
    says: /SLUICE_URL must be an https:\/\/ URL \(http:\/\/ on loopback only\)/,
  },
  {
    fault: "a password in the URL",
    env: { SLUICE_URL: "https://secret:secret@flags.example.com" },
    code: 2,
    says: /SLUICE_URL must not contain a user name or password/,
  },
  {
    fault: "nothing that listens",
    env: { SLUICE_URL: "http://127.0.0.1:2" },
    code: 6,
    says: /^error: nothing listens at 127\.0\.0\.1:2\n {2}The connection was refused\.\n {2}-> check that/,
  },
  {
    fault: "a port that is blocked",
    env: { SLUICE_URL: "http://127.0.0.1:6000" },
    code: 6,
    says: /^error: 127\.0\.0\.1:6000 has a port that .*\n.* Nothing was sent\.\n {2}-> set another PORT/,
  },
  {
    fault: "a host that does not exist",
    env: { SLUICE_URL: "https://flags.invalid" },
    code: 6,
    says: /^error: there is no host flags\.invalid\n/,
  },
];

describe.each(ENVIRONMENTS)("with $fault", ({ env, code, says }) => {
  test.each(API_COMMANDS)("%s", async (...args) => {
    const run = await callSluice(args, { env: { ...system.env, ...env } });
    expect(run.stderr).toMatch(says);
    expect(run.stderr).not.toContain("secret");
    await expectRefused(run, code);
  });
});
