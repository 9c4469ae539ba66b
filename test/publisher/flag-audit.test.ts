import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { randomBytes } from "node:crypto";
import pg from "pg";
import { createTestDatabase } from "../support/database.ts";
import type { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
beforeEach(() => client.query("truncate feature_flags, segments"));
afterAll(async () => {
  await client.end();
  await database.drop();
});

interface AuditRow {
  epoch: string;
  revision: string;
  actor: string;
  action: string;
  entity: string;
  flag_key: string | null;
  segment_name: string | null;
  before: unknown;
  after: unknown;
}

async function lastEntry(): Promise<AuditRow | undefined> {
  const { rows } = await client.query<AuditRow>("select * from flag_audit order by id desc limit 1");
  return rows[0];
}

describe("content", () => {
  test("create, update and delete store the row before and after", async () => {
    await client.query("insert into feature_flags (key, rollout_pct, tags) values ('a', 12.5, '{x}')");
    const created = await lastEntry();
    expect(created).toMatchObject({
      action: "create",
      flag_key: "a",
      before: null,
      after: { key: "a", enabled: false, rollout_pct: 12.5, targeting: {}, gates: [], tags: ["x"] },
    });

    await client.query(`update feature_flags set targeting = '{"plans": ["pro"]}', enabled = true`);
    const updated = await lastEntry();
    expect(updated).toMatchObject({
      action: "update",
      flag_key: "a",
      before: created?.after,
      after: { enabled: true, targeting: { plans: ["pro"] } },
    });

    await client.query("delete from feature_flags");
    expect(await lastEntry()).toMatchObject({
      action: "delete",
      flag_key: "a",
      before: updated?.after,
      after: null,
    });
  });

  test("TRUNCATE stores every row, enough to restore them", async () => {
    await client.query("insert into feature_flags (key, enabled) values ('b', true), ('a', false)");
    await client.query("truncate feature_flags");
    expect(await lastEntry()).toMatchObject({
      action: "truncate",
      flag_key: null,
      before: [
        { key: "a", enabled: false },
        { key: "b", enabled: true },
      ],
      after: null,
    });
    await client.query(
      `insert into feature_flags select f.* from flag_audit,
         jsonb_populate_recordset(null::feature_flags, before) as f
       where flag_audit.id = (select max(id) from flag_audit where action = 'truncate')`,
    );
    const { rows } = await client.query("select key, enabled from feature_flags order by key");
    expect(rows).toEqual([
      { key: "a", enabled: false },
      { key: "b", enabled: true },
    ]);
    expect((await client.query("select from flag_truncations")).rowCount).toBe(0);
  });

  test("epoch and revision are the publication's", async () => {
    await client.query("insert into feature_flags (key) values ('a')");
    const { rows } = await client.query("select epoch, revision from publication");
    expect(await lastEntry()).toMatchObject(rows[0] as object);
  });

  test("a change has the time of its commit, not of the start of its transaction", async () => {
    await client.query("begin");
    await client.query("insert into feature_flags (key) values ('a')");
    const { rows: begun } = await client.query<{ at: Date }>("select clock_timestamp() as at");
    await client.query("commit");
    const { rows } = await client.query("select at > $1 as later from flag_audit order by id desc limit 1", [
      begun[0]?.at,
    ]);
    expect(rows).toEqual([{ later: true }]);
  });
});

describe("segments", () => {
  test("are in the same audit, by name", async () => {
    await client.query("insert into segments (name, ids) values ('beta', '{acme}')");
    const created = await lastEntry();
    expect(created).toMatchObject({
      action: "create",
      entity: "segment",
      flag_key: null,
      segment_name: "beta",
      before: null,
      after: { name: "beta", ids: ["acme"], condition: null },
    });
    await client.query("update segments set ids = '{acme,initech}'");
    await client.query("update segments set ids = '{acme,initech}'");
    const updated = await lastEntry();
    expect(updated).toMatchObject({ action: "update", segment_name: "beta", before: created?.after });
    await client.query("delete from segments");
    expect(await lastEntry()).toMatchObject({
      action: "delete",
      segment_name: "beta",
      before: updated?.after,
      after: null,
    });
    const { rows } = await client.query(
      "select count(*)::int as entries from flag_audit where segment_name = 'beta'",
    );
    expect(rows).toEqual([{ entries: 3 }]);
  });

  test("TRUNCATE stores every row, enough to restore them", async () => {
    await client.query("insert into segments (name) values ('b'), ('a')");
    await client.query("truncate segments");
    expect(await lastEntry()).toMatchObject({
      action: "truncate",
      entity: "segment",
      flag_key: null,
      segment_name: null,
      before: [{ name: "a" }, { name: "b" }],
    });
    await client.query(
      `insert into segments select s.* from flag_audit, jsonb_populate_recordset(null::segments, before) as s
       where flag_audit.id = (select max(id) from flag_audit where action = 'truncate')`,
    );
    const { rows } = await client.query("select name from segments order by name");
    expect(rows).toEqual([{ name: "a" }, { name: "b" }]);
    expect((await client.query("select from segment_truncations")).rowCount).toBe(0);
  });

  test("are audited if a loading tool disables triggers", async () => {
    await client.query("set session_replication_role = replica");
    await client.query("insert into segments (name) values ('loaded')");
    await client.query("reset session_replication_role");
    expect(await lastEntry()).toMatchObject({ action: "create", segment_name: "loaded" });
  });
});

describe("actor", () => {
  test("is the setting sluice.actor of the transaction", async () => {
    await client.query("begin");
    await client.query("select set_config('sluice.actor', 'token:deploy', true)");
    await client.query("insert into feature_flags (key) values ('a')");
    await client.query("commit");
    expect(await lastEntry()).toMatchObject({ actor: "token:deploy" });
  });

  test("is the session's user without the setting, also after a transaction that had it", async () => {
    await client.query("begin; set local sluice.actor = 'somebody'; commit");
    await client.query("insert into feature_flags (key) values ('a')");
    const { rows } = await client.query<{ session_user: string }>("select session_user");
    expect(await lastEntry()).toMatchObject({ actor: `sql:${rows[0]?.session_user}` });
  });
});

describe("append-only", () => {
  test.for([
    "update flag_audit set actor = 'nobody'",
    "update flag_audit set actor = 'nobody' where false",
    "delete from flag_audit",
    "truncate flag_audit",
    "truncate flag_audit, feature_flags cascade",
    "set session_replication_role = replica; delete from flag_audit",
  ])("%s", async (sql) => {
    await client.query("insert into feature_flags (key) values ('a')");
    const before = await client.query("select * from flag_audit order by id");
    await expect(client.query(sql)).rejects.toMatchObject({
      code: "23001",
      constraint: "flag_audit_append_only",
    });
    await client.query("reset session_replication_role");
    expect((await client.query("select * from flag_audit order by id")).rows).toEqual(before.rows);
  });
});

describe("an application role without rights on the audit", () => {
  const role = `sluice_test_app_${randomBytes(4).toString("hex")}`;
  beforeAll(async () => {
    await client.query(`create role ${role}`);
    await client.query(`grant select, insert, update, delete on feature_flags, segments to ${role}`);
    await client.query(`grant select on publication to ${role}`);
    await client.query(`create table scratch (id int, key text); grant all on scratch to ${role}`);
  });
  afterAll(() => client.query(`reset role; drop owned by ${role}; drop role ${role}`));

  test("writes flags, is audited, and sees its revision", async () => {
    await client.query(`begin; set local role ${role}`);
    await client.query("insert into feature_flags (key) values ('a')");
    await client.query("update feature_flags set enabled = true; set constraints all immediate");
    const { rows } = await client.query<{ revision: string }>("select revision from publication");
    await client.query("commit");
    expect(await lastEntry()).toMatchObject({ action: "update", revision: rows[0]?.revision });
  });

  test.for([
    "select from flag_audit",
    "insert into flag_audit (epoch, revision, actor, action, flag_key) values (1, 1, 'me', 'update', 'a')",
    "update flag_audit set actor = 'me'",
    "insert into flag_truncations (flags) values ('[]')",
    "update publication set revision = revision + 1",
    "insert into segment_truncations (segments) values ('[]')",
    "truncate feature_flags",
    "truncate segments",
    "select raise_revision()",
    "create trigger forged after insert on scratch for each row execute function record_change()",
  ])("may not %s", async (sql) => {
    await client.query(`begin; set local role ${role}`);
    const outcome = await client.query(sql).catch((error: unknown) => error);
    await client.query("rollback");
    expect(outcome).toMatchObject({ code: "42501" });
  });
});
