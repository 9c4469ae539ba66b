import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startEmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import { findServerUser, identityOf } from "../../publisher/dev/postgres/server-user.ts";
import { migrate } from "../../publisher/postgres/migrate.ts";
import { startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { withClient } from "../support/database.ts";
import { freePort } from "../support/launch-server.ts";
import { patient } from "../support/patience.ts";

const program = "pgbouncer";

// Debian's PgBouncer, with its default settings: pools of 20 connections, and no start-up parameter is ignored.

const PATIENT = { timeout: patient(30_000), interval: 50 };

let folder: string;
let postgres: Awaited<ReturnType<typeof startEmbeddedPostgres>>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sluice-pgbouncer-"));
  await chmod(folder, 0o755);
  postgres = await startEmbeddedPostgres({
    dataDir: path.join(folder, "data"),
    settings: { fsync: "off" },
  });
});
afterAll(async () => {
  await postgres.stop({ remove: true });
  await rm(folder, { recursive: true, force: true });
});

interface Pooler {
  readonly url: string;
  stop(): Promise<void>;
}

async function startPgBouncer(mode: "session" | "transaction", settings = ""): Promise<Pooler> {
  const { username, password, hostname, port: serverPort } = new URL(postgres.url);
  const port = await freePort();
  const own = await mkdtemp(path.join(folder, "pooler-"));
  await chmod(own, 0o755);
  const users = path.join(own, "users.txt");
  const configuration = path.join(own, "pgbouncer.ini");
  await writeFile(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`);
  await writeFile(
    configuration,
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = ${mode}
${settings}
`,
  );
  const user = await findServerUser("/nonexistent");
  // PgBouncer, too, refuses to run as root.
  const server = spawn(program, [configuration], { stdio: "ignore", cwd: "/", ...identityOf(user) });
  const url = new URL(postgres.url);
  url.port = String(port);
  url.hostname = "127.0.0.1";
  await vi.waitUntil(() => isReachable(url.href, server), PATIENT);
  return {
    url: url.href,
    async stop() {
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    },
  };
}

async function isReachable(url: string, server: ChildProcess): Promise<boolean> {
  if (server.exitCode !== null) throw new Error(`pgbouncer ended with code ${server.exitCode}`);
  return withClient(url, (client) => client.query("select 1")).then(
    () => true,
    () => false,
  );
}

async function inDatabase(use: (pathname: string) => Promise<void>): Promise<void> {
  const name = `sluice_${Math.random().toString(36).slice(2)}`;
  await withClient(postgres.url, (admin) => admin.query(`create database ${name}`));
  await migrate(at(postgres.url, `/${name}`));
  await use(`/${name}`);
}

function at(url: string, pathname: string): string {
  const changed = new URL(url);
  changed.pathname = pathname;
  return changed.href;
}

/** Writes in parallel, kills, archives, reads and publishes; then a change by plain SQL. */
async function expectAllWorks(system: ApiSystem): Promise<void> {
  const keys = Array.from({ length: 20 }, (_, n) => `flag-${n}`);
  const created = await Promise.all(
    keys.map((key) => system.call("POST", "/api/v1/flags", { body: { key } })),
  );
  expect(created.map(({ status, text }) => (status === 201 ? 201 : text))).toEqual(keys.map(() => 201));
  const toggle = async (enabled: boolean) => {
    const { status, body } = await system.call("PATCH", "/api/v1/flags/flag-0/toggle", {
      body: { enabled },
      ifMatch: "*",
    });
    return [status, body.published, body.flag["enabled"]];
  };
  expect(await toggle(true)).toEqual([200, true, true]);
  expect(await toggle(false)).toEqual([200, true, false]);
  const reads = await Promise.all(keys.map((key) => system.call("GET", `/api/v1/flags/${key}`)));
  expect(reads.map(({ status, body }) => [status, body.flag["key"]])).toEqual(keys.map((key) => [200, key]));
  expect((await system.call("POST", "/api/v1/flags/flag-1/archive", { ifMatch: "*" })).status).toBe(200);
  await system.sql("insert into feature_flags (key) values ('by-sql')");
  await vi.waitUntil(async () => (await system.call("GET", "/api/v1/status")).body.published, PATIENT);
  const { body } = await system.call("GET", "/api/v1/status");
  expect(body).toMatchObject({ fault: null, diverged: false, pending_kills: [] });
}

const TIMES = { answer: 1_000, poll: 200, poolerWait: 1_000 };

test.for([
  { mode: "session", listenDirectly: false, listens: "listening" },
  { mode: "transaction", listenDirectly: false, listens: "polling" },
  { mode: "transaction", listenDirectly: true, listens: "listening" },
] as const)(
  "PgBouncer in $mode mode, LISTEN directly: $listenDirectly",
  ({ mode, listenDirectly, listens }) =>
    inDatabase(async (pathname) => {
      const pooler = await startPgBouncer(mode);
      const system = await startApiSystem({
        databaseUrl: at(postgres.url, pathname),
        through: {
          databaseUrl: at(pooler.url, pathname),
          ...(listenDirectly && { listenDatabaseUrl: at(postgres.url, pathname) }),
        },
        everyMs: 600_000,
        listenTimes: TIMES,
      });
      try {
        const listen = async () =>
          (await system.call("GET", "/api/v1/status")).body["listen"] as { readonly mode: string };
        await vi.waitUntil(async () => (await listen()).mode === listens, PATIENT);
        await expectAllWorks(system);
        // Also after LISTEN was tried again.
        await sleep(3 * TIMES.poolerWait);
        await vi.waitUntil(async () => (await listen()).mode === listens, PATIENT);
        const lost = system.logLines.filter((line) => line.includes('"listen.lost"'));
        expect(lost).toHaveLength(listens === "polling" ? 1 : 0);
        // The pooler's connections keep the settings of their database: nothing of ours stays on them.
        const settings = await withClient(at(pooler.url, pathname), (client) =>
          client.query(
            "select current_setting('lock_timeout') as lock, current_setting('search_path') as path",
          ),
        );
        expect(settings.rows).toEqual([{ lock: "0", path: '"$user", public' }]);
      } finally {
        await system.stop();
        await pooler.stop();
      }
    }),
);

test("a pooler without a free connection is reported as that, and a kill still answers 202", () =>
  inDatabase(async (pathname) => {
    const pooler = await startPgBouncer("transaction", "default_pool_size = 1\nquery_wait_timeout = 1");
    const system = await startApiSystem({
      databaseUrl: at(postgres.url, pathname),
      through: { databaseUrl: at(pooler.url, pathname) },
      listenTimes: TIMES,
    });
    try {
      expect((await system.call("POST", "/api/v1/flags", { body: { key: "a" } })).status).toBe(201);
      await withClient(at(pooler.url, pathname), async (client) => {
        await client.query("begin");
        const create = await system.call("POST", "/api/v1/flags", { body: { key: "b" } });
        expect([create.status, create.body.detail]).toEqual([
          503,
          expect.stringMatching(/^the pooler has no free server connection: raise its default_pool_size/),
        ]);
        const kill = await system.call("PATCH", "/api/v1/flags/a/toggle", {
          body: { enabled: false },
          ifMatch: "*",
        });
        expect([kill.status, kill.body["cause"]]).toEqual([202, "the pooler has no free server connection"]);
        await client.query("rollback");
      });
    } finally {
      await system.stop();
      await pooler.stop();
    }
  }));
