import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import pg from "pg";
import { copyIn } from "../support/copy-in.ts";
import { patient } from "../support/patience.ts";
import { createTestDatabase } from "../support/database.ts";
import type { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let client: pg.Client;
const databases: TestDatabase[] = [];
const clients: pg.Client[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  databases.push(database);
  client = await connect();
  await client.query("insert into feature_flags (key) values ('a'), ('b'), ('c'), ('d')");
});
afterEach(async () => {
  for (const each of clients.splice(0)) await each.end();
});
afterAll(async () => {
  for (const each of databases) await each.drop();
});

/** Turns an unexpected wait for a lock into an error. */
async function connect(): Promise<pg.Client> {
  const one = new pg.Client({ connectionString: database.url, lock_timeout: patient(2_000) });
  await one.connect();
  clients.push(one);
  return one;
}

async function revision(of: pg.Client = client): Promise<number> {
  const { rows } = await of.query<{ revision: string }>("select revision from publication");
  return Number(rows[0]?.revision);
}

/** The audit without the entries of the set-up, such as "update a @2". */
async function audit(): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `select format('%s %s @%s', action, flag_key, revision) as line from flag_audit where revision > 1 order by id`,
  );
  return rows.map(({ line }) => line);
}

/** Listens, and returns the notifications of everything that is committed so far. */
async function listen(): Promise<() => Promise<unknown[]>> {
  const listener = await connect();
  const payloads: unknown[] = [];
  let sawEnd = (): void => undefined;
  listener.on("notification", ({ payload = "" }) => {
    if (payload === "end") sawEnd();
    else payloads.push(JSON.parse(payload));
  });
  await listener.query("listen sluice_revision");
  return async () => {
    const end = new Promise<void>((resolve) => (sawEnd = resolve));
    // Postgres delivers in the order of commits, so nothing earlier is missing.
    await client.query("notify sluice_revision, 'end'");
    await end;
    return payloads;
  };
}

describe("every way to write raises it once per transaction", () => {
  test.for([
    ["insert into feature_flags (key) values ('n')", ["create n @2"]],
    ["insert into feature_flags (key) values ('n'), ('m')", ["create n @2", "create m @2"]],
    ["update feature_flags set enabled = true where key = 'a'", ["update a @2"]],
    ["update feature_flags set description = 'x' where key < 'c'", ["update a @2", "update b @2"]],
    ["delete from feature_flags where key = 'a'", ["delete a @2"]],
    [
      "insert into feature_flags (key) values ('a'), ('n') on conflict (key) do update set enabled = true",
      ["update a @2", "create n @2"],
    ],
    [
      `merge into feature_flags f using (values ('a'), ('n')) as v (key) on f.key = v.key
       when matched then delete when not matched then insert (key) values (v.key)`,
      ["create n @2", "delete a @2"],
    ],
    [
      `with gone as (delete from feature_flags where key = 'a' returning key)
       insert into feature_flags (key) select 'n' from gone`,
      ["create n @2", "delete a @2"],
    ],
    [
      "begin; update feature_flags set enabled = true where key = 'a'; delete from feature_flags where key = 'b'; commit",
      ["update a @2", "delete b @2"],
    ],
    ["do $$ begin update feature_flags set enabled = true where key = 'a'; end $$", ["update a @2"]],
    // As loading tools disable triggers.
    [
      "set session_replication_role = replica; update feature_flags set enabled = true where key = 'a'",
      ["update a @2"],
    ],
    ["truncate feature_flags", ["truncate  @2"]],
  ] as const)("%s", async ([sql, lines]) => {
    await client.query(sql);
    expect(await revision()).toBe(2);
    expect((await audit()).sort()).toEqual([...lines].sort());
  });

  test("COPY", async () => {
    await copyIn(client, "copy feature_flags (key) from stdin", "n\nm\n");
    expect(await revision()).toBe(2);
    expect(await audit()).toEqual(["create n @2", "create m @2"]);
  });

  test("two thousand rows at once", async () => {
    await client.query("insert into feature_flags (key) select 'n' || i from generate_series(1, 2000) i");
    await client.query("update feature_flags set rollout_pct = 5 where key like 'n%'");
    expect(await revision()).toBe(3);
    const { rows } = await client.query(
      "select action, revision, count(distinct flag_key)::int as flags, count(*)::int as lines from flag_audit where revision > 1 group by 1, 2 order by 2",
    );
    expect(rows).toEqual([
      { action: "create", revision: "2", flags: 2000, lines: 2000 },
      { action: "update", revision: "3", flags: 2000, lines: 2000 },
    ]);
  });

  test("two changes of one flag in one transaction are one revision, both audited", async () => {
    await client.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("update feature_flags set enabled = false where key = 'a'");
    await client.query("commit");
    expect(await revision()).toBe(2);
    expect(await audit()).toEqual(["update a @2", "update a @2"]);
  });
});

describe("what changes nothing raises nothing", () => {
  test.for([
    "update feature_flags set enabled = enabled, rollout_pct = 0.004, tags = '{}'",
    "update feature_flags set enabled = true where key = 'nobody'",
    "insert into feature_flags (key) values ('a') on conflict do nothing",
    "begin; update feature_flags set enabled = true; rollback",
    "begin; truncate feature_flags; rollback",
    "select * from feature_flags for update",
  ])("%s", async (sql) => {
    const heard = await listen();
    await client.query(sql);
    expect(await revision()).toBe(1);
    expect(await audit()).toEqual([]);
    expect(await heard()).toEqual([]);
  });

  test("TRUNCATE of an empty table", async () => {
    await client.query("delete from feature_flags");
    await client.query("truncate feature_flags");
    expect(await revision()).toBe(2);
  });
});

describe("SET CONSTRAINTS ALL IMMEDIATE", () => {
  const ownRevision = `select epoch, revision, coalesce(raised_by = pg_current_xact_id_if_assigned()
    and raised_by_start = transaction_timestamp(), false) as raised from publication`;

  test("shows a transaction its own revision, and only to itself", async () => {
    const other = await connect();
    await client.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    expect(await revision()).toBe(1);
    await client.query("set constraints all immediate");
    expect((await client.query(ownRevision)).rows).toEqual([{ epoch: "1", revision: "2", raised: true }]);
    expect(await revision(other)).toBe(1);
    await client.query("commit");
    expect(await revision(other)).toBe(2);
    expect((await client.query(ownRevision)).rows).toEqual([{ epoch: "1", revision: "2", raised: false }]);
  });

  test("later changes of the same transaction belong to the same revision", async () => {
    const heard = await listen();
    await client.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("set constraints all immediate");
    await client.query("update feature_flags set enabled = true where key = 'b'");
    await client.query("set constraints all deferred");
    await client.query("update feature_flags set enabled = true where key = 'c'");
    await client.query("commit");
    expect(await audit()).toEqual(["update a @2", "update b @2", "update c @2"]);
    expect(await heard()).toEqual([{ epoch: 1, revision: 2 }]);
  });
});

describe("savepoints", () => {
  test("a raise that is rolled back is undone, and a later change raises again", async () => {
    const heard = await listen();
    await client.query("begin; savepoint s");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("set constraints all immediate");
    expect(await revision()).toBe(2);
    await client.query("rollback to s");
    expect(await revision()).toBe(1);
    await client.query("update feature_flags set enabled = true where key = 'b'");
    await client.query("commit");
    expect(await revision()).toBe(2);
    expect(await audit()).toEqual(["update b @2"]);
    expect(await heard()).toEqual([{ epoch: 1, revision: 2 }]);
  });

  test("a transaction with only a raise that is rolled back changes nothing", async () => {
    const heard = await listen();
    await client.query("begin; savepoint s");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("set constraints all immediate; rollback to s; commit");
    expect(await revision()).toBe(1);
    expect(await audit()).toEqual([]);
    expect(await heard()).toEqual([]);
  });

  test("a raise before the savepoint outlives its rollback", async () => {
    await client.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("set constraints all immediate; savepoint s");
    await client.query("update feature_flags set enabled = true where key = 'b'");
    await client.query("rollback to s; savepoint t");
    await client.query("update feature_flags set enabled = true where key = 'c'");
    await client.query("release t; commit");
    expect(await revision()).toBe(2);
    expect(await audit()).toEqual(["update a @2", "update c @2"]);
  });

  test("a raise in a released savepoint counts", async () => {
    await client.query("begin; savepoint s");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("set constraints all immediate; release s");
    await client.query("update feature_flags set enabled = true where key = 'b'");
    await client.query("commit");
    expect(await audit()).toEqual(["update a @2", "update b @2"]);
  });
});

describe("concurrent transactions", () => {
  test("an open transaction blocks no other, and revisions follow the order of commits", async () => {
    const other = await connect();
    await client.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await other.query("update feature_flags set enabled = true where key = 'b'");
    expect(await revision(other)).toBe(2);
    await client.query("commit");
    expect(await audit()).toEqual(["update b @2", "update a @3"]);
  });

  test("flags written in opposite order do not deadlock on the counter", async () => {
    const other = await connect();
    await client.query("begin");
    await other.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await other.query("update feature_flags set enabled = true where key = 'b'");
    await client.query("update feature_flags set enabled = true where key = 'c'");
    await other.query("update feature_flags set enabled = true where key = 'd'");
    await other.query("commit");
    // If the counter were locked from the first change on, each would now wait for the other.
    await client.query(
      "update feature_flags set enabled = true where key = 'b'; update feature_flags set description = 'x' where key = 'd'",
    );
    await client.query("commit");
    expect(await audit()).toEqual([
      "update b @2",
      "update d @2",
      "update a @3",
      "update c @3",
      "update d @3",
    ]);
  });

  test("a transaction that has raised makes the next one wait, and commits before it", async () => {
    const other = await connect();
    const watcher = await connect();
    const { rows } = await other.query<{ pid: number }>("select pg_backend_pid() as pid");
    await client.query("begin");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("set constraints all immediate");
    const second = other.query("update feature_flags set enabled = true where key = 'b'");
    await expect
      .poll(async () => {
        const blocked = await watcher.query("select cardinality(pg_blocking_pids($1)) as by", [rows[0]?.pid]);
        return blocked.rows as unknown;
      })
      .toEqual([{ by: 1 }]);
    await client.query("commit");
    await second;
    expect(await audit()).toEqual(["update a @2", "update b @3"]);
  });

  test("eight writers: every commit has its own revision, announced in order without a gap", async () => {
    const writers = 8;
    const each = 20;
    await client.query(
      `insert into feature_flags (key) select 'w' || i from generate_series(1, ${writers}) i`,
    );
    const heard = await listen();
    await Promise.all(
      Array.from({ length: writers }, async (_, index) => {
        const writer = await connect();
        for (let n = 1; n <= each; n++) {
          await writer.query("begin");
          await writer.query("update feature_flags set rollout_pct = $1 where key = $2", [
            n,
            `w${index + 1}`,
          ]);
          if (n % 2 === 0) await writer.query("set constraints all immediate");
          await writer.query("commit");
        }
      }),
    );
    const expected = Array.from({ length: writers * each }, (_, n) => ({ epoch: 1, revision: n + 3 }));
    expect(await heard()).toEqual(expected);
    const { rows } = await client.query(
      "select count(distinct revision)::int as revisions, count(*)::int as lines from flag_audit where revision > 2",
    );
    expect(rows).toEqual([{ revisions: writers * each, lines: writers * each }]);
  });
});

describe("the publication row", () => {
  test("a raised epoch is announced, and revisions continue in it", async () => {
    const heard = await listen();
    await client.query("update publication set epoch = 7");
    await client.query("update feature_flags set enabled = true where key = 'a'");
    expect(await heard()).toEqual([
      { epoch: 7, revision: 1 },
      { epoch: 7, revision: 2 },
    ]);
  });

  test("in a restored backup, a transaction number that occurs again still raises", async () => {
    await client.query("begin");
    await client.query(
      "update publication set raised_by = pg_current_xact_id(), raised_by_start = '2001-01-01'",
    );
    await client.query("update feature_flags set enabled = true where key = 'a'");
    await client.query("commit");
    expect(await revision()).toBe(2);
  });
});
