import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import { ADMIN_TOKEN } from "../support/api-system.ts";
import { runSluice, startCliSystem, type CliSystem } from "../support/cli.ts";

// What commands do without SLUICE_URL, in a clone of its own: the local system of this one may run, or not.

const NOTE = "Using the local system that `npm start` runs.\n";

let system: CliSystem;
let clone: string;
let program: string;

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search");
  clone = await mkdtemp(path.join(tmpdir(), "sluice-clone-"));
  const root = fileURLToPath(new URL("../../", import.meta.url));
  for (const part of ["publisher", "shared", "worker", "examples", "package.json", "wrangler.toml"]) {
    await cp(path.join(root, part), path.join(clone, part), { recursive: true });
  }
  await symlink(path.join(root, "node_modules"), path.join(clone, "node_modules"));
  await mkdir(path.join(clone, ".sluice"));
  program = path.join(clone, "publisher/main.ts");
});
afterAll(async () => {
  await system.stop();
  await rm(clone, { recursive: true });
});

const leave = (content: string) => writeFile(path.join(clone, ".sluice/dev.json"), content, { mode: 0o600 });

test("without a local system, the error shows both solutions", async () => {
  await rm(path.join(clone, ".sluice/dev.json"), { force: true });
  const run = await runSluice(["list"], { program });
  expect(run).toMatchObject({ code: 2, stdout: "" });
  expect(run.stderr).toMatch(
    /^error: no Sluice is configured\n {2}.*\n {2}-> set SLUICE_URL .*\n {5}or run `npm start`/,
  );
});

test("the local system is used and named", async () => {
  await leave(JSON.stringify({ url: system.url, token: ADMIN_TOKEN }));
  expect(await runSluice(["show", "ai_search"], { program })).toMatchObject({ code: 0, stderr: NOTE });
  const json = await runSluice(["status", "--json"], { program, env: { SLUICE_TOKEN: "of-another-system" } });
  expect(json).toMatchObject({ code: 0, stderr: NOTE });
  expect(JSON.parse(json.stdout)).toMatchObject({ published: true });
});

test("its token never goes to another address", async () => {
  await leave(JSON.stringify({ url: system.url, token: ADMIN_TOKEN }));
  const run = await runSluice(["list"], { program, env: { SLUICE_URL: system.url } });
  expect(run).toMatchObject({ code: 2, stdout: "" });
  expect(run.stderr).toContain("  SLUICE_TOKEN must be set\n");
});

test("a local system that was killed has another error than a publisher that is down", async () => {
  await leave(JSON.stringify({ url: "http://127.0.0.1:2", token: ADMIN_TOKEN }));
  const run = await runSluice(["list"], { program });
  expect(run).toMatchObject({ code: 6, stdout: "" });
  expect(run.stderr).toContain("`npm start` was killed before it could clean up");
  expect(run.stderr).not.toContain(ADMIN_TOKEN);
});

test("a local system with a new token has another error than a wrong SLUICE_TOKEN", async () => {
  await leave(JSON.stringify({ url: system.url, token: "of-the-last-start" }));
  const run = await runSluice(["list"], { program });
  expect(run).toMatchObject({ code: 5, stdout: "" });
  expect(run.stderr).toContain("-> run `npm start` again");
});

test.each([
  { what: "nothing", content: "" },
  { what: "no JSON", content: "{" },
  { what: "another shape", content: '{"port": 8080}' },
  { what: "a host that is not this machine", content: '{"url": "https://evil.example", "token": "t"}' },
  { what: "one that only begins like it", content: '{"url": "http://127.0.0.1.evil.example", "token": "t"}' },
  { what: "a token that is none", content: '{"url": "http://127.0.0.1:1", "token": "a b"}' },
])("a file that npm start did not write is ignored: $what", async ({ content }) => {
  await leave(content);
  const run = await runSluice(["list"], { program });
  expect(run).toMatchObject({ code: 2, stdout: "" });
  expect(run.stderr).toContain("dev.json does not contain the address of the local system\n");
  expect(run.stderr).not.toContain("evil");
});

test("a second local system in one clone fails, and names the running process", async () => {
  const postgres = await startEmbeddedPostgres({
    dataDir: path.join(clone, ".sluice/postgres"),
  });
  try {
    const run = await runSluice(["dev"], { program });
    expect(run.code).toBe(4);
    expect(run.stderr).toMatch(
      new RegExp(
        `^error: a local system already runs in this clone\n {2}Another Sluice .* started by process ${process.pid}\\)`,
      ),
    );
    expect(run.stderr).not.toMatch(/unforeseen|^\s+at /m);
  } finally {
    await postgres.stop({ remove: true });
  }
});
