import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { killedKeys, parseHead, parseOff } from "../../shared/snapshot/snapshot.ts";
import { startOutage, type Outage } from "../support/api-outage.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { patient } from "../support/patience.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let redis: RedisRest;
let postgresLine: Outage;
let redisLine: Outage;
let system: ApiSystem;
let key: string;
let flag: string;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await startRedisRest();
  postgresLine = await startOutage(database.url);
  redisLine = await startOutage(redis.url);
  system = await startApiSystem({
    databaseUrl: database.url,
    redis,
    through: { databaseUrl: postgresLine.url, redisUrl: redisLine.url },
    everyMs: 500,
  });
});
afterAll(async () => {
  await system.stop();
  await Promise.all([postgresLine.stop(), redisLine.stop()]);
  await redis.stop();
  await database.drop();
});

beforeEach(async () => {
  key = `flag-${++count}`;
  flag = `/api/v1/flags/${key}`;
  await system.call("POST", "/api/v1/flags", { body: { key } });
  await enable();
});
afterEach(() => {
  postgresLine.mend();
  redisLine.mend();
});

const enable = () => system.call("PATCH", `${flag}/toggle`, { body: { enabled: true }, ifMatch: "*" });
const kill = (ifMatch?: string) =>
  system.call("PATCH", `${flag}/toggle`, { body: { enabled: false }, ifMatch });

async function entryAtEdge(): Promise<unknown> {
  const off = (await system.redisCommand("GET", redisKey("off"))) as string | null;
  return (JSON.parse(off ?? "{}") as Record<string, unknown>)[key];
}

/** Whether a worker that has just read Redis turns the flag on: it is on in the snapshot, and not killed. */
async function isOnAtEdge(): Promise<boolean> {
  const reply = await system.redisCommand("MGET", redisKey("head"), redisKey("snapshot"), redisKey("off"));
  const [headText, snapshotText, offText] = reply as [string, string, string | null];
  const head = parseHead(headText);
  const off = parseOff(offText);
  if ("problem" in head || "problem" in off) throw new Error("Redis holds something else");
  const { flags } = JSON.parse(snapshotText) as { flags: { key: string; enabled?: boolean }[] };
  const isEnabled = flags.some((found) => found.key === key && found.enabled === true);
  return isEnabled && !killedKeys(off.value, head.value).has(key);
}

async function isEnabledInPostgres(): Promise<boolean | undefined> {
  const [row] = await system.sql<{ enabled: boolean }>("select enabled from feature_flags where key = $1", [
    key,
  ]);
  return row?.enabled;
}

/** Runs work while another transaction has locked the flag's row. */
async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  const psql = new pg.Client({ connectionString: database.url });
  await psql.connect();
  try {
    await psql.query("begin");
    await psql.query("update feature_flags set owner = 'psql' where key = $1", [key]);
    return await work();
  } finally {
    await psql.query("rollback");
    await psql.end();
  }
}

/** Waits until the publisher waits for the lock, so that the edge is seen as it was before Postgres answered. */
async function untilPublisherWaits(): Promise<void> {
  await vi.waitUntil(
    async () => {
      const waiting = await system.sql(
        `select from pg_stat_activity where datname = current_database() and application_name = 'sluice'
           and wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    },
    { timeout: patient(10_000), interval: 5 },
  );
}

async function untilRecorded(): Promise<void> {
  await vi.waitUntil(async () => (await entryAtEdge()) !== null, { timeout: patient(25_000), interval: 50 });
}

describe("a kill", () => {
  test("turns the flag off everywhere before it is answered, and leaves nothing pending", async () => {
    expect(await isOnAtEdge()).toBe(true);
    const { status, body } = await kill();
    expect([status, body.flag["enabled"], body.published]).toEqual([200, false, true]);
    expect(await isOnAtEdge()).toBe(false);
    expect(await entryAtEdge()).toEqual([body.epoch, body.revision]);
  });

  test("a killed flag can be enabled again", async () => {
    await kill();
    const { status, body } = await enable();
    expect([status, body.published]).toEqual([200, true]);
    expect(await isOnAtEdge()).toBe(true);
  });

  test("of a flag that does not exist leaves no entry", async () => {
    const before = await system.redisCommand("GET", redisKey("off"));
    const answer = await system.call("PATCH", "/api/v1/flags/nobody/toggle", { body: { enabled: false } });
    expect(answer.status).toBe(404);
    expect(await system.redisCommand("GET", redisKey("off"))).toBe(before);
  });

  test("of an archived flag changes nothing", async () => {
    const archived = await system.call("POST", `${flag}/archive`);
    const answer = await kill();
    expect([answer.status, answer.etag, answer.body.revision]).toEqual([
      200,
      archived.etag,
      archived.body.revision,
    ]);
    expect(await entryAtEdge()).toEqual([archived.body.epoch, archived.body.revision]);
  });

  test("with an outdated If-Match does not reach the edge", async () => {
    const before = await entryAtEdge();
    const seen: unknown[] = [];
    const answering = kill('"1.1"').finally(() => (isDone = true));
    let isDone = false;
    while (!isDone) seen.push(await entryAtEdge());
    expect((await answering).status).toBe(412);
    expect(new Set(seen)).not.toContain(null);
    expect(await entryAtEdge()).toEqual(before);
    expect(await isOnAtEdge()).toBe(true);
  });
});

describe("while another transaction has locked the row", () => {
  test("a kill is in force at once, is reported as not recorded, and is recorded in Postgres later", async () => {
    await whileLocked(async () => {
      const answering = kill();
      await untilPublisherWaits();
      expect(await isOnAtEdge()).toBe(false);
      expect(await isEnabledInPostgres()).toBe(true);
      const { status, body } = await answering;
      expect([status, body["recorded"], body.published]).toEqual([202, false, false]);
      expect(body.detail).toMatch(/^killed at the edge, not yet recorded/);
      expect(await entryAtEdge()).toBeNull();
    });
    await untilRecorded();
    expect(await isEnabledInPostgres()).toBe(false);
    expect(await isOnAtEdge()).toBe(false);
    const [change] = await system.sql("select actor from flag_audit where flag_key = $1 order by id desc", [
      key,
    ]);
    expect(change).toEqual({ actor: "sluice: kill found at the edge" });
  });

  test("enabling reports that nothing was changed", async () => {
    await kill();
    await whileLocked(async () => {
      const { status, body } = await enable();
      expect([status, body.detail]).toEqual([
        503,
        "another transaction has locked this flag: nothing was changed, try again",
      ]);
    });
    expect(await isEnabledInPostgres()).toBe(false);
  });

  test("archiving kills at the edge, and reports that the flag may not be archived", async () => {
    await whileLocked(async () => {
      const { status, body } = await system.call("POST", `${flag}/archive`);
      expect(status).toBe(503);
      expect(body.detail).toMatch(/^the flag is off at the edge, but it may not be archived, because /);
      expect(await isOnAtEdge()).toBe(false);
    });
    await untilRecorded();
    expect(await isEnabledInPostgres()).toBe(false);
  });

  test("a locked flag does not delay the recording of other kills", async () => {
    const other = key;
    await system.call("POST", "/api/v1/flags", { body: { key: `a-${other}` } });
    await system.redisCommand("SET", redisKey("off"), JSON.stringify({ [key]: null, [`a-${other}`]: null }));
    await whileLocked(async () => {
      key = `a-${other}`;
      await untilRecorded();
      key = other;
      expect(await entryAtEdge()).toBeNull();
    });
    await untilRecorded();
  });
});

describe("while Postgres cannot be reached", () => {
  test("a kill is in force, and is recorded when Postgres is back", async () => {
    postgresLine.cut();
    const { status, body } = await kill();
    expect([status, body["recorded"]]).toEqual([202, false]);
    expect(await isOnAtEdge()).toBe(false);
    expect(await isEnabledInPostgres()).toBe(true);

    postgresLine.mend();
    await untilRecorded();
    expect(await isEnabledInPostgres()).toBe(false);
    expect(await isOnAtEdge()).toBe(false);
  });

  test("a kill with If-Match is in force too, because off is the safer error", async () => {
    postgresLine.cut();
    expect((await kill('"1.1"')).status).toBe(202);
    expect(await isOnAtEdge()).toBe(false);
    postgresLine.mend();
    await untilRecorded();
  });

  test("a pending kill is recorded before a later enabling", async () => {
    postgresLine.cut();
    await kill();
    postgresLine.mend();
    const { status, body } = await enable();
    expect([status, body.flag["enabled"], body.published]).toEqual([200, true, true]);
    expect(await isOnAtEdge()).toBe(true);
    const audit = await system.sql<{ enabled: boolean }>(
      "select (after->>'enabled')::boolean as enabled from flag_audit where flag_key = $1 order by id",
      [key],
    );
    expect(audit.map(({ enabled }) => enabled)).toEqual([false, true, false, true]);
  });

  test.for([
    ["GET", "", undefined],
    ["PATCH", "", { owner: "x" }],
    ["PATCH", "/rollout", { rollout_pct: 1 }],
    ["PATCH", "/toggle", { enabled: true }],
    ["PATCH", "/toggle", undefined],
    ["POST", "/explain", { context: {} }],
    ["POST", "/restore", undefined],
    ["DELETE", "", undefined],
  ] as const)("%s %s says so", async ([method, path, body]) => {
    postgresLine.cut();
    const answer = await system.call(method, `${flag}${path}`, { body, ifMatch: "*" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(answer.body.detail).toMatch(/^Postgres does not answer/);
    expect(answer.body.detail).not.toMatch(/nothing was changed/);
  });

  test("after a connection is lost at COMMIT, the answer does not claim that nothing was changed", async () => {
    postgresLine.cutAfter("UPDATE feature_flags", "COMMIT");
    const answer = await system.call("PATCH", flag, { body: { owner: "committed" }, ifMatch: "*" });
    expect(answer.status).toBe(503);
    expect(answer.body.detail).toBe(
      "Postgres does not answer: check whether the change was saved before you send it again",
    );
    await vi.waitUntil(async () => {
      const [row] = await system.sql("select owner from feature_flags where key = $1", [key]);
      return row?.["owner"] === "committed";
    }, patient(10_000));
  });

  test("a kill whose COMMIT gets no answer is in force, and is recorded in the end", async () => {
    postgresLine.cutAfter("UPDATE feature_flags", "COMMIT");
    expect((await kill()).status).toBe(202);
    expect(await isOnAtEdge()).toBe(false);
    await untilRecorded();
    expect(await isEnabledInPostgres()).toBe(false);
    expect(await isOnAtEdge()).toBe(false);
  });

  test("connections that Postgres closes between two statements do not end the publisher", async () => {
    for (let round = 0; round < 20; round++) {
      const answering = system.call("PATCH", flag, { body: { owner: `${round}` }, ifMatch: "*" });
      await system.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'sluice'",
      );
      expect([200, 503]).toContain((await answering).status);
    }
    await vi.waitUntil(async () => (await system.call("GET", flag)).status === 200, patient(10_000));
  });
});

describe("while Redis cannot be reached", () => {
  test.for(["cut", "hang"] as const)(
    "%s: a kill is recorded, and is in force when Redis is back",
    async (fault) => {
      redisLine[fault]();
      const { status, body } = await kill();
      expect([status, body.flag["enabled"], body.published]).toEqual([200, false, false]);
      expect(await isEnabledInPostgres()).toBe(false);
      redisLine.mend();
      await vi.waitUntil(async () => !(await isOnAtEdge()), { timeout: patient(25_000), interval: 50 });
      await untilRecorded();
      expect((await enable()).status).toBe(200);
      await vi.waitUntil(isOnAtEdge, { timeout: patient(10_000), interval: 50 });
    },
  );

  test("enabling is refused, because a kill may be pending there", async () => {
    await kill();
    redisLine.cut();
    const { status, body } = await enable();
    expect(status).toBe(503);
    expect(body.detail).toMatch(/kill is pending .*, so nothing was changed: Redis cannot be reached/);
    expect(await isEnabledInPostgres()).toBe(false);
  });

  test("explain answers, and reports that kills are unknown", async () => {
    redisLine.cut();
    const { status, body } = await system.call("POST", `${flag}/explain`, {
      body: { context: { userId: "u" } },
    });
    expect([status, body["reason"], body["killed_at_edge"]]).toEqual([200, "DEFAULT", null]);
    expect(body["edge_fault"]).toMatch(/Redis cannot be reached/);
  });

  test("with Postgres down too, the answer does not claim that the flag is off", async () => {
    redisLine.cut();
    postgresLine.cut();
    const { status, body } = await kill();
    expect(status).toBe(503);
    expect(body.detail).toMatch(/NOT switched off/);
    redisLine.mend();
    postgresLine.mend();
    expect(await isOnAtEdge()).toBe(true);
  });
});

describe("concurrent kills and enablings", () => {
  test("the last one stays in force, at the edge and in Postgres", async () => {
    for (let round = 0; round < 15; round++) {
      const racing = await Promise.all([kill(), enable(), kill(), enable(), kill()]);
      for (const { status } of racing) expect(status).toBe(200);
      const isEnabled = await isEnabledInPostgres();
      await vi.waitUntil(async () => (await isOnAtEdge()) === isEnabled, {
        timeout: patient(10_000),
        interval: 20,
      });

      // A kill that begins after all answers stays in force, and so does a later enabling.
      expect((await kill()).status).toBe(200);
      expect([await isOnAtEdge(), await isEnabledInPostgres()]).toEqual([false, false]);
      expect((await enable()).status).toBe(200);
      expect([await isOnAtEdge(), await isEnabledInPostgres()]).toEqual([true, true]);
    }
    expect(await entryAtEdge()).not.toBeNull();
    expect(await system.redisCommand("GET", `${redisKey("off")}:held`)).toBe("{}");
  });

  test("a kill that Postgres refuses does not lift a pending kill", async () => {
    await whileLocked(async () => {
      expect((await kill()).status).toBe(202);
      // Sent again while the first is pending, and refused because the flag has changed since.
      expect((await kill('"1.1"')).status).toBe(412);
      expect(await entryAtEdge()).toBeNull();
    });
    await untilRecorded();
    expect(await isEnabledInPostgres()).toBe(false);
  });

  test("forty flags killed concurrently are all off", async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `${key}-${n}`);
    for (const each of keys) {
      await system.call("POST", "/api/v1/flags", { body: { key: each } });
      await system.call("PATCH", `/api/v1/flags/${each}/toggle`, { body: { enabled: true }, ifMatch: "*" });
    }
    const answers = await Promise.all(
      keys.map((each) => system.call("PATCH", `/api/v1/flags/${each}/toggle`, { body: { enabled: false } })),
    );
    // 202 where the lock was not free in time: the flag is off all the same, and is recorded later.
    for (const { status } of answers) expect([200, 202]).toContain(status);
    for (key of keys) expect(await isOnAtEdge()).toBe(false);
    for (key of keys) {
      await untilRecorded();
      expect([await isOnAtEdge(), await isEnabledInPostgres()]).toEqual([false, false]);
    }
  });
});

test("archiving an enabled flag kills it at the edge first", async () => {
  await whileLocked(async () => {
    const answering = system.call("POST", `${flag}/archive`);
    await untilPublisherWaits();
    expect(await isOnAtEdge()).toBe(false);
    expect(await isEnabledInPostgres()).toBe(true);
    await answering;
  });
  await untilRecorded();
});

test("a null that somebody writes into `off` by hand is brought in, and holds until then", async () => {
  await system.redisCommand("SET", redisKey("off"), JSON.stringify({ [key]: null }));
  expect(await isOnAtEdge()).toBe(false);
  await untilRecorded();
  expect(await isEnabledInPostgres()).toBe(false);
  const { body } = await system.call("POST", `${flag}/explain`, { body: { context: {} } });
  expect(body).toMatchObject({ value: false, reason: "DISABLED", rule: "enabled", killed_at_edge: false });
});
