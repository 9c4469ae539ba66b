import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { GATES_MODULE, toGatesModule } from "../../publisher/publish/gates-module.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";
import { deployedGates } from "../../worker/deployed-gates.ts";
import { ENVIRONMENT, redisKey } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliRun, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let folder: string;
let file: string;

beforeAll(async () => {
  system = await startCliSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-gates-"));
  file = path.join(folder, "deployed-gates.ts");
  await system.make("ai_search", {
    gates: [
      { pattern: "/ai/*", otherwise: { rewrite: "/classic" } },
      { pattern: "/ai-beta", otherwise: { redirect: "/" } },
    ],
    targeting: { allowlist: ["secret-customer"] },
  });
  await system.make("assistant", { gates: [{ pattern: "/ask", otherwise: { status: 404 } }] });
  await system.make("plain");
  // Broken by SQL, its page stays closed.
  await system.sql(
    `insert into feature_flags (key, targeting, gates)
     values ('broken', '{"planz": 1}', '[{"pattern": "/broken", "otherwise": {"status": 410}}]')`,
  );
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});
beforeEach(() => rm(file, { force: true }));

const publish = (...args: readonly string[]): Promise<CliRun> =>
  callSluice(["publish", ...args], {
    env: {
      DATABASE_URL: system.databaseUrl,
      UPSTASH_REDIS_REST_URL: system.redis.url,
      UPSTASH_REDIS_REST_TOKEN: system.redis.token,
      SLUICE_ENV: ENVIRONMENT,
    },
  });

test("without gates equals the committed module, whose import resolves", async () => {
  const text = await readFile(GATES_MODULE, "utf8");
  const [, imported = ""] = /from "(.+)"/.exec(text) ?? [];
  expect((await stat(path.join(path.dirname(GATES_MODULE), imported))).isFile()).toBe(true);
  expect(toGatesModule({ schema: SCHEMA, flags: [] }).text).toBe(text);
});

test("contains every gate and nothing about targeting, and the worker can import it", async () => {
  const run = await publish("--gates-module", file);
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toMatch(/^Verified: head and snapshot in Redis match\.$/m);
  expect(run.stdout).toContain("deployed-gates.ts: 4 gates, written.\n");
  const text = await readFile(file, "utf8");
  expect(text).not.toContain("secret-customer");
  const written = (await import(file)) as { deployedGates: unknown };
  expect(written.deployedGates).toEqual([
    {
      flag: "ai_search",
      gates: [
        { pattern: "/ai/*", otherwise: { rewrite: "/classic" } },
        { pattern: "/ai-beta", otherwise: { redirect: "/", status: 302 } },
      ],
    },
    { flag: "assistant", gates: [{ pattern: "/ask", otherwise: { status: 404 } }] },
    { flag: "broken", gates: [{ pattern: "/broken", otherwise: { status: 410 } }] },
  ]);
  expect(await readdir(folder)).toEqual(["deployed-gates.ts"]);
});

test("is written only if it differs", async () => {
  await publish("--gates-module", file);
  const { mtimeMs, ino } = await stat(file);
  const again = await publish("--gates-module", file, "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ gates_module: { file, gates: 4, written: false } });
  expect(await stat(file)).toMatchObject({ mtimeMs, ino });
  await writeFile(file, "export const deployedGates = [];\n");
  expect((await publish("--gates-module", file)).stdout).toContain("4 gates, written.");
  expect(await readFile(file, "utf8")).toContain("/ai/*");
});

test("is not written with --no-gates-module", async () => {
  const before = await readFile(GATES_MODULE, "utf8");
  const run = await publish("--no-gates-module", "--json");
  expect(JSON.parse(run.stdout)).toMatchObject({ gates_module: null });
  expect(await readFile(GATES_MODULE, "utf8")).toBe(before);
});

test("a failed write is reported, and that Redis has everything", async () => {
  const run = await publish("--gates-module", path.join(folder, "no-such-folder", "gates.ts"));
  expect(run).toMatchObject({ code: 1, stdout: "" });
  expect(run.stderr).toMatch(/gates\.ts cannot be written\n.*ENOENT.*\n {2}Redis is up to date/);
});

test("a broken gate closes its page with 404, and its flag is reported", () => {
  const flags = [
    { key: "a", gates: [{ pattern: "/(x|y)", otherwise: { status: 404 } }] },
    { key: "b", gates: [{ pattern: "/b" }, { pattern: "/c", otherwise: { status: 451 } }, null] },
  ];
  const module = toGatesModule({ schema: SCHEMA, flags });
  expect(module).toMatchObject({ gates: 2, broken: ["a", "b"] });
  expect(module.text).toContain('"pattern": "/c"');
  expect(module.text.match(/"status": 404/g)).toHaveLength(2);
});

test("a snapshot that no publisher can have written is refused", () => {
  const flags = [{ key: "a", gates: "/x" }];
  expect(() => toGatesModule({ schema: SCHEMA, flags })).toThrow(/the gates of flag a are not valid/);
});

test("without gates it is just the file that is committed", async () => {
  expect(deployedGates).toEqual([]);
  expect(toGatesModule({ schema: SCHEMA, flags: [{ key: "plain" }] }).text).toBe(
    await readFile(GATES_MODULE, "utf8"),
  );
});

test("a snapshot that was changed in Redis is detected, reported and rewritten", async () => {
  await publish("--no-gates-module");
  const snapshot = String(await system.redisCommand("GET", redisKey("snapshot")));
  const tampered = snapshot.replace('"enabled":false', '"enabled":true ');
  expect(tampered).toHaveLength(snapshot.length);
  expect(tampered).not.toBe(snapshot);
  await system.redisCommand("SET", redisKey("snapshot"), tampered);
  const run = await publish("--no-gates-module");
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toMatch(
    /^The snapshot was written again, because .* does not match the digest in its head\./m,
  );
  expect(await system.redisCommand("GET", redisKey("snapshot"))).toBe(snapshot);
  expect((await publish("--no-gates-module")).stdout).not.toContain("anew");
});
