import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { readVanishedGates } from "../../publisher/postgres/lineage.ts";
import { DivergedError, readPublicationState } from "../../publisher/postgres/publication.ts";
import { createPool } from "../../publisher/postgres/postgres.ts";
import { pruneHistory } from "../../publisher/publish/head-history.ts";
import { publishOnce } from "../../publisher/publish/publisher.ts";
import { createPublisherRedis } from "../../publisher/redis/redis.ts";
import { killedKeys, parseHead, parseOff } from "../../shared/snapshot/snapshot.ts";
import { ENVIRONMENT, redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";
import { patient } from "../support/patience.ts";

const PATIENT = { timeout: patient(40_000), interval: 50 };
const OTHER_HISTORY = "Redis has a revision that is not in the history of this database";
const GATES = '[{"pattern": "/ai/*", "otherwise": {"status": 404}}]';

let redis: RedisRest;
let database: TestDatabase;
const open: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  redis = await startRedisRest();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await command("FLUSHALL");
  database = await createTestDatabase();
  open.push({ stop: () => database.drop() });
});
afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

async function command(...words: readonly string[]): Promise<unknown> {
  const headers = { authorization: `Bearer ${redis.token}` };
  const response = await fetch(redis.url, { method: "POST", headers, body: JSON.stringify(words) });
  return ((await response.json()) as { result: unknown }).result;
}

async function start(databaseUrl = database.url): Promise<ApiSystem> {
  const system = await startApiSystem({ databaseUrl, redis });
  open.push(system);
  return system;
}

async function stop(system: ApiSystem): Promise<void> {
  open.splice(open.indexOf(system), 1);
  await system.stop();
}

/** A copy of the database with its id, as a backup or a replica has it. Nobody may be connected to the database. */
async function copyDatabase(): Promise<string> {
  const { adminUrl, prefix } = inject("testDatabases");
  const template = new URL(database.url).pathname.slice(1);
  const copy = await createTestDatabase({ adminUrl, prefix, template });
  open.push({ stop: () => copy.drop() });
  const { rows } = await withClient(database.url, (client) =>
    client.query<{ database_id: string }>("select database_id from publication"),
  );
  await sql(copy.url, `update publication set database_id = '${rows[0]?.database_id}'`);
  return copy.url;
}

const sql = (url: string, ...statements: readonly string[]): Promise<void> =>
  withClient(url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });

function openPublisher(url: string) {
  const pool = createPool(url, () => undefined);
  open.push({ stop: () => pool.end() });
  return {
    pool,
    redis: createPublisherRedis({ redisUrl: redis.url, redisToken: redis.token, environment: ENVIRONMENT }),
  };
}

const readHead = async () =>
  JSON.parse(String(await command("GET", redisKey("head")))) as Record<string, unknown> & {
    revision: number;
  };
const status = async (of: ApiSystem) => (await of.call("GET", "/api/v1/status")).body;
const untilPublished = (of: ApiSystem) => vi.waitUntil(async () => (await status(of)).published, PATIENT);
const untilDiverged = (of: ApiSystem) => vi.waitUntil(async () => (await status(of))["diverged"], PATIENT);
const kill = (key: string, of: ApiSystem) =>
  of.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: false }, ifMatch: "*" });

/** A reader of the edge: a flag is on if the snapshot says so and no kill is in force. */
async function isOnAtEdge(key: string): Promise<boolean> {
  const reply = await command("MGET", redisKey("head"), redisKey("snapshot"), redisKey("off"));
  const [headText, snapshotText, offText] = reply as [string, string, string | null];
  const head = parseHead(headText);
  const off = parseOff(offText);
  if ("problem" in head || "problem" in off) throw new Error("Redis has other values");
  const { flags } = JSON.parse(snapshotText) as { flags: { key: string; enabled?: boolean }[] };
  const isEnabled = flags.some((flag) => flag.key === key && flag.enabled === true);
  return isEnabled && !killedKeys(off.value, head.value).has(key);
}

const publish = (databaseUrl: string, ...args: readonly string[]) =>
  callSluice(["publish", "--no-gates-module", ...args], {
    env: {
      DATABASE_URL: databaseUrl,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      SLUICE_ENV: ENVIRONMENT,
    },
  });

const insertFlags = (...keys: readonly string[]): string =>
  `insert into feature_flags (key, enabled, rollout_pct) values ${keys.map((key) => `('${key}', true, 100)`).join()}`;
const change = (n: number): string => `update feature_flags set owner = 'owner ${n}' where key = 'kept'`;
const KILL = "update feature_flags set enabled = false where key = 'killed'";

describe("a backup that was restored and has counted on", () => {
  let backup: string;

  beforeEach(async () => {
    await sql(database.url, insertFlags("kept", "killed"));
    backup = await copyDatabase();
    const system = await start();
    await untilPublished(system);
    await system.sql(change(0));
    expect((await kill("killed", system)).body).toMatchObject({ revision: 3, published: true });
    await stop(system);
    await sql(backup, change(1), change(2), change(3));
  });

  test("is diverged, and the killed flag stays off; kills still arrive", async () => {
    const head = await readHead();
    const system = await start(backup);
    await untilDiverged(system);
    expect(await status(system)).toMatchObject({
      revision: 4,
      published: false,
      divergence: { why: OTHER_HISTORY, redis: { epoch: 1, revision: 3 } },
    });
    expect(await readHead()).toEqual(head);
    expect([await isOnAtEdge("kept"), await isOnAtEdge("killed")]).toEqual([true, false]);
    expect((await kill("kept", system)).body).toMatchObject({ published: false, at_edge: true });
    expect(await isOnAtEdge("kept")).toBe(false);
  });

  test("--force switches the killed flag off and names it", async () => {
    expect(await publish(backup)).toMatchObject({ code: 8, stdout: "" });
    const forced = await publish(backup, "--force");
    expect(forced).toMatchObject({ code: 0, stderr: "" });
    expect(forced.stdout).toMatch(/^killed is now off: it was off at the edge/m);
    expect(forced.stdout).not.toMatch(/^kept is/m);
    expect(await readHead()).toMatchObject({ epoch: 2 });
    expect([await isOnAtEdge("kept"), await isOnAtEdge("killed")]).toEqual([true, false]);
    expect(await publish(backup)).toMatchObject({ code: 0 });
  });

  test("--keep-on keeps a flag on, also with a pending kill", async () => {
    await command("SET", redisKey("off"), '{"kept":null,"killed":[1,3]}');
    const unknown = await publish(backup, "--force", "--keep-on", "nothing");
    expect(unknown).toMatchObject({ code: 3, stdout: "" });
    expect(unknown.stderr).toContain("there is no flag nothing in this database: nothing was published");
    expect((await publish(backup, "--keep-on", "kept")).code).toBe(2);

    const forced = await publish(backup, "--force", "--json", "--keep-on", "killed", "--keep-on", "kept");
    expect(forced.code).toBe(0);
    expect(JSON.parse(forced.stdout)).toMatchObject({ switched_off: [], turned_on: ["kept", "killed"] });
    expect([await isOnAtEdge("kept"), await isOnAtEdge("killed")]).toEqual([true, true]);
  });

  test("without a readable snapshot, --force switches off each flag that off names", async () => {
    await command("DEL", redisKey("snapshot"));
    const forced = await publish(backup, "--force", "--json");
    expect(JSON.parse(forced.stdout)).toMatchObject({ switched_off: ["killed"], turned_on: [] });
  });

  test("a head without an id is replaced as before, and --force still undoes no kill", async () => {
    const { lineage_id: _, ...head } = await readHead();
    await command("SET", redisKey("head"), JSON.stringify(head));
    const forced = await publish(backup, "--force", "--json");
    expect(JSON.parse(forced.stdout)).toMatchObject({ switched_off: ["killed"], was_contradicted: false });
    expect(await isOnAtEdge("killed")).toBe(false);
  });
});

test("--force over another database switches off pending kills, and names the other flags", async () => {
  await sql(database.url, insertFlags("kept", "killed", "pending"));
  const other = await createTestDatabase();
  open.push({ stop: () => other.drop() });
  await sql(other.url, insertFlags("kept"));
  expect((await publish(other.url)).code).toBe(0);
  await command("SET", redisKey("off"), '{"pending":null}');
  expect((await publish(database.url)).code).toBe(8);
  const forced = await publish(database.url, "--force", "--json");
  expect(JSON.parse(forced.stdout)).toMatchObject({ switched_off: ["pending"], turned_on: ["killed"] });
});

test("--force leaves an enable alone that was not published yet, if nothing contradicts this database", async () => {
  await sql(database.url, insertFlags("kept"));
  expect((await publish(database.url)).code).toBe(0);
  await sql(database.url, insertFlags("enabled_now"));
  const forced = await publish(database.url, "--force", "--json");
  expect(JSON.parse(forced.stdout)).toMatchObject({ switched_off: [], turned_on: ["enabled_now"] });
});

describe("a replica that was promoted without the last commit", () => {
  test.each([
    { what: "has the same number and content", changes: [KILL] },
    { what: "has a higher number", changes: [change(1), change(2)] },
    { what: "has the same number", changes: [change(1)] },
  ])("is diverged if it $what", async ({ changes }) => {
    await sql(database.url, insertFlags("kept", "killed"));
    const replica = await copyDatabase();
    await sql(database.url, KILL);
    expect((await publish(database.url)).code).toBe(0);
    await sql(replica, ...changes);
    expect((await publish(replica)).code).toBe(8);
    expect(await isOnAtEdge("killed")).toBe(false);
  });

  test("is diverged if the old primary published during the failover", async () => {
    await sql(database.url, insertFlags("kept", "killed"));
    const replica = openPublisher(await copyDatabase());
    const primary = openPublisher(database.url);
    await publishOnce(primary.pool, primary.redis, new Date());
    await replica.pool.query(change(1));
    await replica.pool.query(change(2));
    let reads = 0;
    const late = {
      ...replica.redis,
      // The replica has decided, and then the old primary publishes a kill that the replica lacks.
      swapSnapshot: async (...args: Parameters<typeof replica.redis.swapSnapshot>) => {
        reads += 1;
        if (reads === 1) {
          await primary.pool.query(KILL);
          await publishOnce(primary.pool, primary.redis, new Date());
        }
        return replica.redis.swapSnapshot(...args);
      },
    };
    await expect(publishOnce(replica.pool, late, new Date())).rejects.toThrow(DivergedError);
    expect(await isOnAtEdge("killed")).toBe(false);
  });
});

test("of two publishers on two databases, only the one that Redis follows publishes", async () => {
  await sql(database.url, insertFlags("kept", "killed"));
  const copy = await copyDatabase();
  const here = await start();
  await untilPublished(here);
  const there = await start(copy);
  await untilPublished(there);
  expect((await kill("killed", here)).body.published).toBe(true);
  for (let n = 0; n < 4; n++) await there.sql(change(n));
  await untilDiverged(there);
  await here.sql(change(9));
  await untilPublished(here);
  expect(await status(here)).toMatchObject({ diverged: false });
  expect(await isOnAtEdge("killed")).toBe(false);
});

describe("two publishers on one database", () => {
  test("are never diverged by their race", async () => {
    await sql(database.url, insertFlags("kept"));
    const [first, second] = [await start(), await start()];
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? first : second).call("PATCH", "/api/v1/flags/kept", {
          body: { owner: `owner ${n}` },
          ifMatch: "*",
        }),
      ),
    );
    for (const system of [first, second]) {
      await untilPublished(system);
      expect(await system.sql("select * from divergences")).toEqual([]);
    }
    const [row] = await first.sql("select id from lineage order by epoch desc, revision desc limit 1");
    expect(await readHead()).toMatchObject({ lineage_id: row?.["id"] });
  });

  test("the slower one looks the head up in the present history, not in its old snapshot", async () => {
    await sql(database.url, insertFlags("kept"));
    const faster = openPublisher(database.url);
    const slower = openPublisher(database.url);
    const redisOfSlower = {
      ...slower.redis,
      readStored: async () => {
        await faster.pool.query(change(1));
        await publishOnce(faster.pool, faster.redis, new Date());
        return slower.redis.readStored();
      },
    };
    expect(await publishOnce(slower.pool, redisOfSlower, new Date())).toMatchObject({
      revision: 1,
      written: false,
    });
    expect(await readHead()).toMatchObject({ revision: 2 });
    expect((await faster.pool.query("select from divergences")).rowCount).toBe(0);
  });
});

test("a head without an id is rewritten with one at once", async () => {
  await sql(database.url, insertFlags("kept"));
  const system = await start();
  await untilPublished(system);
  const whole = await readHead();
  const { lineage_id: id, gated: _, ...older } = whole;
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  await command("SET", redisKey("head"), JSON.stringify(older));
  await system.sql("select pg_notify('sluice_revision', '{}')");
  await vi.waitUntil(async () => (await readHead())["lineage_id"] === id, PATIENT);
  expect(await readHead()).toEqual({ ...whole, published_at: expect.any(String) });
  await command("SET", redisKey("head"), JSON.stringify(older));
  await system.sql(change(1));
  await vi.waitUntil(async () => (await readHead()).revision === 2, PATIENT);
});

describe("gates vanished", () => {
  const insertGated = `insert into feature_flags (key, gates) values ('gated', '${GATES}')`;

  test.each([
    { what: "TRUNCATE", statements: ["truncate feature_flags"] },
    {
      what: "TRUNCATE without ordinary triggers",
      statements: ["set session_replication_role = replica", "truncate feature_flags"],
    },
    {
      what: "DELETE without ordinary triggers, then another change",
      statements: [
        "set session_replication_role = replica",
        "delete from feature_flags where key = 'gated'",
        change(1),
      ],
    },
    {
      what: "TRUNCATE with all triggers switched off",
      statements: ["alter table feature_flags disable trigger all", "truncate feature_flags"],
    },
    {
      what: "TRUNCATE with all triggers switched off, then another change",
      statements: [
        "alter table feature_flags disable trigger all",
        "truncate feature_flags",
        "alter table feature_flags enable trigger all",
        insertFlags("kept"),
      ],
    },
    {
      what: "TRUNCATE, and the flag returns without its gates",
      statements: ["begin", "truncate feature_flags", insertFlags("gated", "kept"), "commit"],
    },
  ])("by $what: diverged, kills arrive, --force confirms", async ({ statements }) => {
    await sql(database.url, insertFlags("kept"), insertGated);
    const system = await start();
    await untilPublished(system);
    const before = await command("GET", redisKey("snapshot"));
    await sql(database.url, ...statements, "select pg_notify('sluice_revision', '{}')");
    await untilDiverged(system);
    expect((await status(system))["divergence"]).toMatchObject({
      why: expect.stringMatching(/^Gates vanished: Redis has gates of gated, and this database lost them/),
    });
    expect(await command("GET", redisKey("snapshot"))).toBe(before);
    expect(await isOnAtEdge("kept")).toBe(true);
    expect((await kill("kept", system)).status).toBeLessThan(300);
    expect(await isOnAtEdge("kept")).toBe(false);

    expect((await publish(database.url, "--force")).code).toBe(0);
    expect(await command("GET", redisKey("snapshot"))).not.toContain("/ai/*");
    await vi.waitUntil(async () => (await status(system))["diverged"] === false, PATIENT);
    await sql(database.url, insertFlags("later"));
    await untilPublished(system);
  });

  test("also if Redis has lost its snapshot", async () => {
    await sql(database.url, insertFlags("kept"), insertGated);
    expect((await publish(database.url)).code).toBe(0);
    await command("DEL", redisKey("snapshot"));
    await sql(database.url, "truncate feature_flags");
    expect((await publish(database.url)).code).toBe(8);
  });

  test("not if the gates were removed before the flag", async () => {
    await sql(database.url, insertFlags("kept"), insertGated);
    expect((await publish(database.url)).code).toBe(0);
    await sql(
      database.url,
      "update feature_flags set gates = '[]' where key = 'gated'",
      "delete from feature_flags where key = 'gated'",
      insertFlags("gated"),
    );
    expect((await publish(database.url)).code).toBe(0);
    expect(await command("GET", redisKey("snapshot"))).not.toContain("/ai/*");
  });

  test("the snapshot in Redis is read only if the gated flags differ", async () => {
    await sql(database.url, insertFlags("kept"), insertGated);
    const { pool, redis: client } = openPublisher(database.url);
    await publishOnce(pool, client, new Date());
    const readTexts = vi.fn<typeof client.readTexts>(() => client.readTexts());
    await pool.query(change(1));
    await publishOnce(pool, { ...client, readTexts }, new Date());
    expect(readTexts).not.toHaveBeenCalled();
    await pool.query("update feature_flags set gates = '[]'");
    expect(await publishOnce(pool, { ...client, readTexts }, new Date())).toMatchObject({ written: true });
    expect(readTexts).toHaveBeenCalledOnce();
  });

  test("a read of Redis that is behind its head publishes nothing away", async () => {
    await sql(database.url, insertFlags("kept"));
    const { pool, redis: client } = openPublisher(database.url);
    await publishOnce(pool, client, new Date());
    const texts = await client.readTexts();
    await pool.query(insertGated);
    await publishOnce(pool, client, new Date());
    await pool.query("truncate feature_flags");
    const lagging = { ...client, readTexts: vi.fn<typeof client.readTexts>(() => client.readTexts()) };
    lagging.readTexts.mockResolvedValueOnce(texts).mockResolvedValueOnce(texts);
    await expect(publishOnce(pool, lagging, new Date())).rejects.toThrow("Gates vanished");
  });

  const REMOVE = "update feature_flags set gates = '[]' where key = 'gated'";
  const ADD = `update feature_flags set gates = '${GATES}' where key = 'gated'`;
  const DELETE = "delete from feature_flags where key = 'gated'";
  const TRUNCATE = "truncate feature_flags";
  const REPLICA = "set session_replication_role = replica";

  test.each([
    { history: [insertGated, REMOVE], vanished: false },
    { history: [insertGated, REMOVE, DELETE], vanished: false },
    { history: [insertGated, REMOVE, TRUNCATE], vanished: false },
    { history: [insertGated, TRUNCATE], vanished: true },
    { history: [insertGated, REMOVE, ADD, TRUNCATE], vanished: true },
    { history: [insertGated, TRUNCATE, insertFlags("gated")], vanished: true },
    { history: [insertGated, TRUNCATE, insertFlags("gated"), DELETE], vanished: true },
    { history: [insertGated, REPLICA, DELETE], vanished: true },
    { history: [insertFlags("gated"), DELETE], vanished: true },
    { history: [], vanished: true },
  ])("the audit of $history", async ({ history, vanished }) => {
    await sql(database.url, ...history);
    await withClient(database.url, async (client) => {
      const state = await readPublicationState(client);
      // A later change is not an answer to the question.
      await client.query("delete from feature_flags");
      await client.query(insertGated);
      await client.query(vanished ? REMOVE : "select 1");
      expect(await readVanishedGates(client, ["gated"], state)).toEqual(vanished ? ["gated"] : []);
    });
  });
});

describe("the history in Postgres", () => {
  const isComplete = async (client: pg.Client) =>
    (await client.query("select from lineage join publication using (epoch, revision)")).rowCount === 1;

  test("has a row for each version, also of plain SQL and without ordinary triggers", async () => {
    await withClient(database.url, async (client) => {
      expect(await isComplete(client)).toBe(true);
      for (const statement of [
        insertFlags("kept"),
        "update publication set revision = revision + 1",
        "update publication set epoch = epoch + 1",
        "set session_replication_role = replica",
        change(1),
        "truncate feature_flags",
        "update publication set epoch = epoch + 1",
      ]) {
        await client.query(statement);
        expect([statement, await isComplete(client)]).toEqual([statement, true]);
      }
      const { rows } = await client.query(
        "select count(distinct id)::int as ids, count(*)::int as rows from lineage",
      );
      expect(rows).toEqual([{ ids: 7, rows: 7 }]);
    });
  });

  test("pruning keeps the newest 10,000 rows and the row that Redis names", async () => {
    await sql(database.url, insertFlags("kept"));
    expect((await publish(database.url)).code).toBe(0);
    const { pool, redis: client } = openPublisher(database.url);
    await pool.query("insert into lineage (epoch, revision) select 1, generate_series(2, 12000)");
    await pool.query("update publication set revision = 12001");
    await pruneHistory(pool, client);
    const { rows } = await pool.query("select revision::int from lineage order by revision");
    expect(rows).toHaveLength(10_001);
    expect([rows[0], rows[1], rows.at(-1)]).toEqual([
      { revision: 1 },
      { revision: 2002 },
      { revision: 12001 },
    ]);

    await command("DEL", redisKey("head"));
    await pruneHistory(pool, client);
    expect((await pool.query("select from lineage")).rowCount).toBe(10_000);
  });

  test("is readable and prunable, but not writable, for a role without rights", async () => {
    const role = `sluice_test_reader_${randomBytes(4).toString("hex")}`;
    await withClient(database.url, async (client) => {
      await client.query(`create role ${role}; set role ${role}`);
      try {
        await client.query("select prune_lineage(1, 0)");
        expect((await client.query("select from lineage")).rowCount).toBe(1);
        await expect(client.query("delete from lineage")).rejects.toThrow("permission denied");
        await expect(client.query("insert into lineage values (9, 9)")).rejects.toThrow("permission denied");
      } finally {
        await client.query(`reset role; drop role ${role}`);
      }
    });
  });
});
