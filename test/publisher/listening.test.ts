import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { patient } from "../support/patience.ts";

const PATIENT = { timeout: patient(20_000), interval: 20 };
const TIMES = { heartbeat: 200, answer: 500, poll: 100, firstWait: 20, mostWait: 200, poolerWait: 400 };

/** A TCP link that can hang: it accepts bytes and passes none on, without a reset. */
interface Link {
  readonly url: string;
  hang(): void;
  /** New connections pass again; those that hang stay dead, as behind a router that forgot them. */
  heal(): void;
  readonly connections: () => number;
  stop(): Promise<void>;
}

async function startLink(databaseUrl: string): Promise<Link> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let isHanging = false;
  let connections = 0;
  const server = net.createServer((client) => {
    connections += 1;
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined).on("close", () => (dead.has(from) ? undefined : to.destroy()));
      from.on("data", (bytes) => {
        if (isHanging) dead.add(client).add(upstream);
        if (!dead.has(from)) to.write(bytes);
      });
    }
  });
  const dead = new Set<net.Socket>();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    hang() {
      isHanging = true;
      for (const socket of sockets) dead.add(socket);
    },
    heal: () => void (isHanging = false),
    connections: () => connections,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let database: TestDatabase;
let other: TestDatabase | undefined;
let link: Link | undefined;
let system: ApiSystem;

afterEach(async () => {
  await system.stop();
  await link?.stop();
  link = undefined;
  await database.drop();
  await other?.drop();
});

async function start(listenUrl: (database: TestDatabase) => Promise<string>): Promise<void> {
  database = await createTestDatabase();
  system = await startApiSystem({
    databaseUrl: database.url,
    through: { listenDatabaseUrl: await listenUrl(database) },
    // Only an announcement, or the poll, is that fast.
    everyMs: 600_000,
    listenTimes: TIMES,
  });
}

const listenOf = async () => (await system.call("GET", "/api/v1/status")).body["listen"];
const until = (mode: string) =>
  vi.waitUntil(async () => ((await listenOf()) as { mode: string }).mode === mode, PATIENT);
const events = () =>
  system.logLines
    .map((line) => (JSON.parse(line) as { event: string }).event)
    .filter((event) => event.startsWith("listen."));

let changes = 0;

/** A change by plain SQL must be published without any help. */
async function expectSqlChangePublished(): Promise<void> {
  const key = `sql-${changes++}`;
  await system.sql("insert into feature_flags (key) values ($1)", [key]);
  await vi.waitUntil(async () => (await system.call("GET", "/api/v1/status")).body.published, PATIENT);
}

test("a LISTEN connection that hangs is noticed, replaced by reading the revision, and opened again", async () => {
  await start(async ({ url }) => (link = await startLink(url)).url);
  await until("listening");
  await expectSqlChangePublished();
  expect(events()).toEqual([]);

  link?.hang();
  await until("polling");
  await expectSqlChangePublished();
  expect(events()).toEqual(["listen.lost"]);
  expect(await listenOf()).toMatchObject({ mode: "polling", every_ms: TIMES.poll });

  link?.heal();
  await until("listening");
  await expectSqlChangePublished();
  expect(events()).toEqual(["listen.lost", "listen.recovered"]);
});

test("a connection on which nothing is announced is polled, and the reason names DATABASE_LISTEN_URL", async () => {
  // LISTEN in another database receives nothing, as behind a pooler in transaction mode.
  await start(async () => (other = await createTestDatabase()).url);
  await until("polling");
  expect(await listenOf()).toMatchObject({
    why: expect.stringContaining("set DATABASE_LISTEN_URL") as string,
  });
  await expectSqlChangePublished();
  // Tried again, and logged once.
  await sleep(3 * (TIMES.answer + TIMES.poolerWait));
  expect(events()).toEqual(["listen.lost"]);
});
