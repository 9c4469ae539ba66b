import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { ADMIN_TOKEN, ENVIRONMENT, redisKey } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { runSluice } from "../support/cli.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let redis: RedisRest;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await startRedisRest();
  env = {
    DATABASE_URL: database.url,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    SLUICE_ENV: ENVIRONMENT,
  };
});
afterAll(async () => {
  await redis.stop();
  await database.drop();
});

const sql = (text: string) => withClient(database.url, (client) => client.query(text));

async function redisCommand(...command: readonly string[]): Promise<string> {
  const response = await fetch(redis.url, {
    method: "POST",
    headers: { authorization: `Bearer ${redis.token}` },
    body: JSON.stringify(command),
  });
  return String(((await response.json()) as { result: unknown }).result);
}

describe("migrate", () => {
  test("creates the tables, and reports when they exist", async () => {
    await sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    const first = await runSluice(["migrate"], { env });
    expect(first).toMatchObject({ code: 0, stdout: "The database is up to date.\n" });
    expect(first.stderr).toMatch(/^Applied migration 0001_flags\.$/m);
    const second = await callSluice(["migrate"], { env });
    expect(second).toMatchObject({
      code: 0,
      stdout: "The database was up to date already.\n",
      stderr: "",
    });
  });

  test("a Postgres that is not there", async () => {
    const run = await callSluice(["migrate"], {
      env: { DATABASE_URL: "postgres://me:secret@127.0.0.1:2/none" },
    });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toContain("error: Postgres cannot be reached");
    expect(run.stderr).not.toContain("secret");
  });
});

describe("publish", () => {
  test("writes once, and reports broken flags", async () => {
    await sql(`INSERT INTO feature_flags (key) VALUES ('sound');
               INSERT INTO feature_flags (key, targeting) VALUES ('broken', '{"plans": 1}')`);
    const first = await runSluice(["publish", "--no-gates-module"], { env });
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^Published revision \d+ \(epoch \d+\): the snapshot has \d+ bytes\.\n/);
    expect(first.stdout).toMatch(/^broken is off at the edge, because it is not valid: .*plans/m);
    const second = await callSluice(["publish", "--no-gates-module"], { env });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).toMatch(
      /^Redis already has revision \d+ \(epoch \d+\): \d+ bytes, nothing was written\.\n/,
    );
    const json = await callSluice(["publish", "--json", "--no-gates-module"], { env });
    expect(JSON.parse(json.stdout)).toMatchObject({
      written: false,
      invalid: { broken: expect.any(String) },
    });
  });

  test("a Redis that contradicts Postgres has an exit code of its own", async () => {
    const head = await redisCommand("GET", redisKey("head"));
    const foreign = JSON.stringify({ ...(JSON.parse(head) as object), database_id: "another" });
    await redisCommand("SET", redisKey("head"), foreign);
    const run = await callSluice(["publish", "--no-gates-module"], { env });
    expect(run).toMatchObject({ code: 8, stdout: "" });
    expect(run.stderr).toContain("error: Redis contradicts Postgres: nothing was published\n");
    expect(run.stderr).toContain("Redis was published from another database");
    expect(await redisCommand("GET", redisKey("head"))).toBe(foreign);
    // A Redis that agrees again ends nothing: somebody has to look, and say so.
    await redisCommand("SET", redisKey("head"), head);
    expect((await callSluice(["publish", "--no-gates-module"], { env })).code).toBe(8);
    expect((await callSluice(["publish", "--force", "--no-gates-module"], { env })).code).toBe(0);
    expect((await callSluice(["publish", "--no-gates-module"], { env })).code).toBe(0);
  });

  test.each([
    {
      fault: "no Redis",
      change: { UPSTASH_REDIS_REST_URL: "http://127.0.0.1:2" },
      says: /Redis cannot be reached/,
    },
    {
      fault: "a wrong token",
      change: { UPSTASH_REDIS_REST_TOKEN: "wrong" },
      says: /Redis refuses the token/,
    },
    {
      fault: "no Postgres",
      change: { DATABASE_URL: "postgres://me@127.0.0.1:2/none" },
      says: /Postgres cannot be/,
    },
  ])("$fault", async ({ change, says }) => {
    const run = await callSluice(["publish", "--no-gates-module"], { env: { ...env, ...change } });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toMatch(says);
    expect(run.stderr).not.toContain(redis.token);
  });

  test("every variable that is not valid is named", async () => {
    const run = await callSluice(["publish"], { env: { DATABASE_URL: "mysql://secret" } });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(/^ {2}DATABASE_URL must begin with postgres:\/\//m);
    expect(run.stderr).toMatch(/^ {2}UPSTASH_REDIS_REST_URL must be set/m);
    expect(run.stderr).not.toContain("secret");
  });
});

describe("serve", () => {
  const MAIN = fileURLToPath(new URL("../../publisher/main.ts", import.meta.url));

  interface Served {
    readonly child: ChildProcess;
    readonly url: string;
    /** Resolves once the process has said that it is stopping. */
    readonly stopping: Promise<void>;
    readonly ended: Promise<unknown>;
  }

  async function serve(): Promise<Served> {
    const child = spawn(process.execPath, [MAIN, "serve"], {
      env: { ...env, ADMIN_TOKEN, PORT: "0" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close");
    let log = "";
    const stopping = new Promise<void>((resolve) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (/^Stopping /m.test(log)) resolve();
      });
    });
    const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
    const [, url = ""] = /^Sluice's admin API listens at (\S+)\/api\/v1\n/.exec(line) ?? [];
    return { child, url, stopping, ended };
  }

  test("prints an address for the CLI, and answers open requests before it ends", async () => {
    const { child, url, stopping, ended } = await serve();
    const client = { SLUICE_URL: url, SLUICE_TOKEN: ADMIN_TOKEN };
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await runSluice(["create", "served"], { env: client })).toMatchObject({ code: 0, stderr: "" });

    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await once(socket, "connect");
    const body = JSON.stringify({ key: "drained" });
    const head = `POST /api/v1/flags HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n`;
    socket.write(
      `${head}content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`,
    );
    socket.write(body.slice(0, 5));
    // Another request, answered, shows that the first bytes have arrived.
    await callSluice(["status"], { env: client });
    child.kill("SIGTERM");
    await stopping;
    socket.write(body.slice(5));
    const [answer] = (await once(socket.setEncoding("utf8"), "data")) as [string];
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    socket.destroy();
    await ended;
    expect(child.exitCode).toBe(0);
  });

  test("a second signal ends it immediately", async () => {
    const { child, url, stopping, ended } = await serve();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => undefined);
    // A request that never ends would hold the drained stop up.
    socket.write("POST /api/v1/flags HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n");
    await callSluice(["status"], { env: { SLUICE_URL: url, SLUICE_TOKEN: ADMIN_TOKEN } });
    child.kill("SIGINT");
    await stopping;
    child.kill("SIGINT");
    await ended;
    expect(child.exitCode).toBe(1);
    socket.destroy();
  });

  test("reports a port in use", async () => {
    const { child, url, ended } = await serve();
    const run = await runSluice(["serve"], { env: { ...env, ADMIN_TOKEN, PORT: new URL(url).port } });
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(/^error: the admin API cannot listen on 0\.0\.0\.0, port \d+$/m);
    expect(run.stderr).toContain("Another process uses that port.");
    child.kill("SIGTERM");
    await ended;
  });
});
