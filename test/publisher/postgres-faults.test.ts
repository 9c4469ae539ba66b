import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import { digestOf, parseSnapshot } from "../../shared/snapshot/snapshot.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { copyIn } from "../support/copy-in.ts";
import { patient } from "../support/patience.ts";
import { withClient } from "../support/database.ts";

const PATIENT = { timeout: patient(40_000), interval: 50 };

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());
beforeEach(async () => {
  await system.sql("truncate feature_flags");
  for (const key of ["a", "b", "c"]) await system.call("POST", "/api/v1/flags", { body: { key } });
  for (const key of ["a", "b", "c"]) expect((await toggle(key, true)).body.published).toBe(true);
});

const toggle = (key: string, enabled: boolean) =>
  system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled }, ifMatch: "*" });

const get = async (name: "head" | "snapshot") => String(await system.redisCommand("GET", redisKey(name)));

async function readSnapshot() {
  const parsed = parseSnapshot(await get("snapshot"));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

/** Waits until Redis has the state of Postgres. */
async function untilPublished(): Promise<void> {
  await vi.waitUntil(async () => {
    const [row] = await system.sql<{ epoch: string; revision: string }>(
      "select epoch, revision from publication",
    );
    const head = JSON.parse(await get("head")) as { epoch: number; revision: number; digest: string };
    return head.epoch === Number(row?.epoch) && head.revision === Number(row?.revision);
  }, PATIENT);
  const { digest } = JSON.parse(await get("head")) as { digest: string };
  expect(await digestOf(await get("snapshot"))).toBe(digest);
}

/** Runs `work` while another transaction that has run these statements is open. */
async function whileOpen(statements: readonly string[], work: () => Promise<void>): Promise<void> {
  const psql = new pg.Client({ connectionString: system.databaseUrl });
  await psql.connect();
  try {
    await psql.query("begin");
    for (const statement of statements) await psql.query(statement);
    await work();
    await psql.query("rollback");
  } finally {
    await psql.end();
  }
}

describe("a transaction that stays open", () => {
  test("with changes of flags delays no other write, and no kill", async () => {
    const changes = [
      "update feature_flags set rollout_pct = 50 where key = 'a'",
      "insert into feature_flags (key) values ('uncommitted')",
    ];
    await whileOpen(changes, async () => {
      const write = await system.call("PATCH", "/api/v1/flags/b/rollout", {
        body: { rollout_pct: 10 },
        ifMatch: "*",
      });
      expect([write.status, write.body.published]).toEqual([200, true]);
      const kill = await toggle("c", false);
      expect([kill.status, kill.body.published, kill.body.flag["enabled"]]).toEqual([200, true, false]);
      expect((await readSnapshot()).flags).toEqual([
        { key: "a", enabled: true, rollout_pct: 0 },
        { key: "b", enabled: true, rollout_pct: 10 },
        { key: "c", enabled: false, rollout_pct: 0 },
      ]);
    });
  });

  test("and has raised the revision: writes fail within the limit, and a kill still reaches the edge", async () => {
    const held = [
      "update feature_flags set rollout_pct = 50 where key = 'a'",
      "set constraints all immediate",
    ];
    await whileOpen(held, async () => {
      const write = await system.call("PATCH", "/api/v1/flags/b/rollout", {
        body: { rollout_pct: 10 },
        ifMatch: "*",
      });
      expect(write.status).toBe(503);
      const kill = await toggle("c", false);
      expect([kill.status, kill.body["recorded"]]).toEqual([202, false]);
    });
    await vi.waitUntil(async () => {
      const rows = await system.sql<{ enabled: boolean }>(
        "select enabled from feature_flags where key = 'c'",
      );
      return rows[0]?.enabled === false;
    }, PATIENT);
    await untilPublished();
  });

  test("and locks the whole table delays publishing until it ends, and the status says so", async () => {
    await whileOpen(["lock table feature_flags in access exclusive mode"], async () => {
      await system.sql("select pg_notify('sluice_revision', '{}')");
      await vi.waitUntil(async () => {
        const { body } = await system.call("GET", "/api/v1/status");
        return /lock timeout/.test(String(body["fault"]));
      }, PATIENT);
      expect((await system.call("GET", "/healthz")).body).toEqual({ status: "failing" });
    });
    await vi.waitUntil(async () => (await system.call("GET", "/healthz")).body["status"] === "ok", PATIENT);
    expect((await toggle("a", false)).body.published).toBe(true);
  });

  test("every connection of the publisher has limits on waiting", async () => {
    const pool = await import("../../publisher/postgres/postgres.ts").then(({ createPool }) =>
      createPool(system.databaseUrl, () => undefined),
    );
    try {
      const { rows } = await pool.query<{ name: string; setting: string }>(
        `select name, setting from pg_settings where setting <> '0' and name in
           ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') order by name`,
      );
      expect(rows.map(({ name }) => name)).toEqual([
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "statement_timeout",
      ]);
    } finally {
      await pool.end();
    }
  });
});

describe("bulk changes are published", () => {
  test("COPY", async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `copied-${n}\tt`).join("\n");
    await withClient(system.databaseUrl, (client) =>
      copyIn(client, "copy feature_flags (key, enabled) from stdin", `${lines}\n`),
    );
    await untilPublished();
    expect((await readSnapshot()).flags).toHaveLength(503);
  });

  test("one UPDATE of a thousand rows is one revision", async () => {
    await system.sql(
      "insert into feature_flags (key, enabled) select 'bulk-' || n, true from generate_series(1, 1000) n",
    );
    const [before] = await system.sql<{ revision: string }>("select revision from publication");
    await system.sql("update feature_flags set rollout_pct = 33.33 where key like 'bulk-%'");
    const [after] = await system.sql<{ revision: string }>("select revision from publication");
    expect(Number(after?.revision)).toBe(Number(before?.revision) + 1);
    await untilPublished();
    const flags = (await readSnapshot()).flags as { rollout_pct: number }[];
    expect(flags.filter(({ rollout_pct: pct }) => pct === 33.33)).toHaveLength(1_000);
  });

  test("TRUNCATE, and a DELETE of all", async () => {
    await system.sql("truncate feature_flags");
    await untilPublished();
    expect((await readSnapshot()).flags).toEqual([]);
    await system.sql("insert into feature_flags (key) values ('x'), ('y')");
    await system.sql("delete from feature_flags");
    await untilPublished();
    expect((await readSnapshot()).flags).toEqual([]);
  });

  test("changes with triggers disabled by a loading tool count, too", async () => {
    await withClient(system.databaseUrl, async (client) => {
      await client.query("set session_replication_role = replica");
      await client.query("update feature_flags set rollout_pct = 77 where key = 'b'");
    });
    await untilPublished();
    expect((await readSnapshot()).flags).toContainEqual({ key: "b", enabled: true, rollout_pct: 77 });
  });
});

test.each([
  [
    "a regular expression that is refused",
    { rules: [{ id: "r", if: { email: { $regex: "^(a*)*$" } }, rollout_pct: 100 }] },
    /\$regex.*repeats something that may be empty/,
  ],
  ["an unknown operator", { rules: [{ id: "r", if: { plan: { $like: "x" } }, rollout_pct: 100 }] }, /\$like/],
  ["an unknown member", { planz: ["pro"] }, /planz/],
  ["a list where an object is meant", { allowlist: { u: true } }, /allowlist/],
])("%s, put in by SQL, is off, and the others go on", async (_what, targeting, says) => {
  await system.sql("update feature_flags set rollout_pct = 100 where key in ('b', 'c')");
  await system.sql("update feature_flags set rollout_pct = 100, targeting = $1 where key = 'a'", [
    JSON.stringify(targeting),
  ]);
  await untilPublished();

  const compiled = compile(await readSnapshot());
  const context = withTargetingKey({ userId: "u1", email: `${"a".repeat(5_000)}!` });
  const decisions = decide(compiled, context, await computeBuckets(compiled, context));
  const [a, b, c] = ["a", "b", "c"].map((key) => decisionOf(compiled, decisions, key));
  expect(a).toMatchObject({ value: false, reason: "ERROR" });
  expect([b?.value, c?.value]).toEqual([true, true]);
  expect((await system.call("GET", "/api/v1/flags/a")).body.flag["invalid"]).toMatch(says);
  expect((await toggle("a", false)).status).toBe(200);
});

test("a snapshot larger than workers accept is not published: they keep the last one, and a kill arrives", async () => {
  const head = await get("head");
  await system.sql(
    `insert into feature_flags (key, targeting)
     select 'large-' || n, jsonb_build_object('allowlist', (
       select jsonb_agg('user-' || n || '-' || repeat('x', 240) || i) from generate_series(1, 250) i))
     from generate_series(1, 150) n`,
  );
  await vi.waitUntil(async () => {
    const { body } = await system.call("GET", "/api/v1/status");
    return /the snapshot has \d+ bytes, and workers accept 8388608/.test(String(body["fault"]));
  }, PATIENT);
  const kill = await toggle("a", false);
  expect([kill.status, kill.body.published, kill.body["at_edge"]]).toEqual([200, false, true]);
  expect(await get("head")).toBe(head);
  expect(String(await system.redisCommand("GET", redisKey("off")))).toContain('"a":null');

  await system.sql("delete from feature_flags where key like 'large-%'");
  await untilPublished();
  expect((await readSnapshot()).flags).toContainEqual({ key: "a", enabled: false, rollout_pct: 0 });
});
