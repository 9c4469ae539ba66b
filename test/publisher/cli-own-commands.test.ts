import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { ADMIN_TOKEN, redisKey } from "../support/api-system.ts";
import { callSluice } from "../support/cli-in-process.ts";
import { SLUICE, runSluice, startCliSystem, type CliSystem } from "../support/cli.ts";
import { dropDatabase, urlOf, withClient } from "../support/database.ts";

let system: CliSystem;
let own: Readonly<Record<string, string>>;

beforeAll(async () => {
  system = await startCliSystem();
  await system.make("ai_search");
  own = {
    DATABASE_URL: system.databaseUrl,
    UPSTASH_REDIS_REST_URL: system.redis.url,
    UPSTASH_REDIS_REST_TOKEN: system.redis.token,
    SLUICE_ENV: "own",
    ADMIN_TOKEN,
    PORT: "0",
    HOST: "127.0.0.1",
  };
});
afterAll(() => system.stop());

/** Nothing that these commands write holds anybody's credentials. */
function expectNoSecret(text: string): void {
  expect(text).not.toContain(ADMIN_TOKEN);
  expect(text).not.toContain(system.redis.token);
  expect(text).not.toContain(new URL(system.databaseUrl).password);
  expect(text).not.toMatch(/secret|^\s+at /im);
}

describe("migrate", () => {
  test("makes a database what it has to be, and once more does nothing", async () => {
    const { adminUrl, prefix } = inject("testDatabases");
    const name = `${prefix}_${randomBytes(6).toString("hex")}`;
    await withClient(adminUrl, (admin) => admin.query(`create database ${name}`));
    try {
      const env = { DATABASE_URL: urlOf(adminUrl, name) };
      const early = await callSluice(["publish"], { env: { ...own, ...env } });
      expect(early).toMatchObject({ code: 1, stdout: "" });
      expect(early.stderr).toMatch(/^error: the database has no Sluice tables\n {2}-> run `sluice migrate`/);

      const first = await runSluice(["migrate"], { env });
      expect(first).toMatchObject({ code: 0, stdout: "The database is up to date.\n" });
      expect(first.stderr).toMatch(/^(Applied migration \d{4}_\w+\.\n)+$/);
      const second = await runSluice(["migrate"], { env });
      expect(second).toEqual({ code: 0, stdout: "The database was up to date already.\n", stderr: "" });
    } finally {
      await withClient(adminUrl, (admin) => dropDatabase(admin, name));
    }
  });

  test("says that nothing listens, and no password", async () => {
    const run = await callSluice(["migrate"], {
      env: { DATABASE_URL: "postgres://u:secret@127.0.0.1:2/sluice" },
    });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toMatch(
      /^error: Postgres cannot be reached, or .*\n {2}.*\n {2}-> check DATABASE_URL/,
    );
    expectNoSecret(run.stderr);
  });
});

describe("publish", () => {
  const headKey = "sluice:own:head";

  test("brings Redis to the revision of Postgres, and says which", async () => {
    const [state] = await system.sql<{ revision: string; epoch: string }>(
      "SELECT revision, epoch FROM publication",
    );
    const first = await runSluice(["publish"], { env: own });
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const told = /^Published revision (\d+) \(epoch (\d+)\): the snapshot has \d+ bytes\.\n$/.exec(
      first.stdout,
    );
    expect(told?.slice(1)).toEqual([String(state?.revision), String(state?.epoch)]);
    const head = JSON.parse(String(await system.redisCommand("GET", headKey))) as Record<string, unknown>;
    expect(String(head["revision"])).toBe(String(state?.revision));

    const second = await callSluice(["publish", "--json"], { env: own });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(second.stdout)).toMatchObject({ written: false, digest: head["digest"], invalid: {} });
    expect((await callSluice(["publish"], { env: own })).stdout).toMatch(/nothing was written\.\n$/);
  });

  test("names flags that plain SQL broke", async () => {
    await system.sql(`INSERT INTO feature_flags (key, targeting) VALUES ('broken', '{"nobody": 1}')`);
    const run = await callSluice(["publish"], { env: own });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/^broken is off at the edge, as it is not valid: .*nobody/m);
    await system.sql("DELETE FROM feature_flags WHERE key = 'broken'");
  });

  test("writes nothing when Redis contradicts Postgres", async () => {
    const head = JSON.parse(String(await system.redisCommand("GET", redisKey("head")))) as object;
    const foreign = JSON.stringify({ ...head, database_id: "another" });
    await system.redisCommand("SET", headKey, foreign);
    const run = await callSluice(["publish"], { env: own });
    expect(run).toMatchObject({ code: 8, stdout: "" });
    expect(run.stderr).toMatch(/^error: Redis contradicts Postgres: nothing was published\n/);
    expect(await system.redisCommand("GET", headKey)).toBe(foreign);
    await system.redisCommand("DEL", headKey);
    expectNoSecret(run.stderr);
  });

  test.each([
    {
      fault: "no Redis",
      env: { UPSTASH_REDIS_REST_URL: "http://127.0.0.1:2" },
      says: /check UPSTASH_REDIS_REST_URL/,
    },
    {
      fault: "another token",
      env: { UPSTASH_REDIS_REST_TOKEN: "secret" },
      says: /check UPSTASH_REDIS_REST_URL/,
    },
    {
      fault: "no Postgres",
      env: { DATABASE_URL: "postgres://u:secret@127.0.0.1:2/x" },
      says: /check DATABASE_URL/,
    },
  ])("with $fault says what to look at", async ({ env, says }) => {
    const run = await callSluice(["publish"], { env: { ...own, ...env } });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(run.stderr).toMatch(says);
    expectNoSecret(run.stderr);
  });
});

describe("serve", () => {
  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  /** A publisher as a process of its own, once it listens. */
  async function serve() {
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [SLUICE, "serve"], {
      env: { PATH, ...own },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    const closed = once(child, "close");
    let output = "";
    const heard = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        for (const look of heard) look();
      });
    }
    const until = (pattern: RegExp) =>
      new Promise<string>((resolve) => {
        const look = (): void => {
          const [found] = pattern.exec(output) ?? [];
          if (found !== undefined) resolve(found);
        };
        heard.add(look);
        look();
      });
    const url = await until(/http:\/\/127\.0\.0\.1:\d+(?=\/api\/v1\n)/);
    const describeFlag = async (words: string) => {
      const { etag } = await system.call("GET", "/api/v1/flags/ai_search");
      return fetch(`${url}/api/v1/flags/ai_search`, {
        method: "PATCH",
        headers: {
          authorization: `Bearer ${ADMIN_TOKEN}`,
          "content-type": "application/json",
          "if-match": etag,
        },
        body: JSON.stringify({ description: words }),
      });
    };
    return { child, closed, until, url, describeFlag, output: () => output };
  }

  /** Acts while a write waits because somebody's psql holds the flag: not for long, or it would be refused. */
  async function whileHeld<T>(write: () => Promise<T>, act: () => Promise<unknown>): Promise<T> {
    return withClient(system.databaseUrl, async (psql) => {
      await psql.query("BEGIN");
      await psql.query("SELECT 1 FROM feature_flags WHERE key = 'ai_search' FOR UPDATE");
      const answer = write();
      const waiting =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      while ((await system.sql(waiting)).length === 0) await sleep(10);
      await act();
      await psql.query("ROLLBACK");
      return answer;
    });
  }

  test("answers what was asked when it is told to end", async () => {
    const server = await serve();
    const answer = await whileHeld(
      () => server.describeFlag("drained"),
      async () => {
        server.child.kill("SIGTERM");
        await server.until(/Stopping: what was asked is answered first/);
      },
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ flag: { description: "drained" }, published: true });
    expect(await server.closed).toEqual([0, null]);
    expect(await system.row("ai_search")).toMatchObject({ description: "drained" });
    await expect(fetch(server.url)).rejects.toThrow("fetch failed");
    expectNoSecret(server.output());
  });

  test("ends at once when it is told twice", async () => {
    const server = await serve();
    const answer = await whileHeld(
      () =>
        server.describeFlag("never").then(
          ({ status }) => status,
          () => "cut off",
        ),
      async () => {
        server.child.kill("SIGINT");
        await server.until(/Once more ends it at once/);
        server.child.kill("SIGINT");
        expect(await server.closed).toEqual([1, null]);
      },
    );
    expect(answer).toBe("cut off");
  });

  test("says that its port is taken", async () => {
    const { port } = new URL(system.url);
    const run = await runSluice(["serve"], { env: { ...own, PORT: port } });
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain(
      `error: the admin API cannot listen on 127.0.0.1, port ${port}\n` +
        "  Something else listens there.\n  -> set PORT or HOST to others\n",
    );
  });
});
