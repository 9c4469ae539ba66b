import { randomBytes } from "node:crypto";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { migrate } from "../../publisher/postgres/migrate.ts";
import { ENVIRONMENT, startApiSystem } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { dropDatabase, urlOf, withClient } from "../support/database.ts";

// What ALTER DATABASE and ALTER ROLE can change, and our SQL or pg's parsing depends on.
const SETTINGS = [
  "search_path = shadow, public",
  "search_path = ''",
  "default_transaction_isolation = 'serializable'",
  "default_transaction_isolation = 'repeatable read'",
  "default_transaction_read_only = on",
  "default_transaction_deferrable = on",
  "statement_timeout = '1ms'",
  "lock_timeout = '1ms'",
  "idle_in_transaction_session_timeout = '1ms'",
  "idle_session_timeout = '300ms'",
  "TimeZone = 'Asia/Kathmandu'",
  "DateStyle = 'SQL, DMY'",
  "DateStyle = 'German'",
  "IntervalStyle = 'sql_standard'",
  "extra_float_digits = -15",
  "bytea_output = 'escape'",
  "client_encoding = 'LATIN1'",
  "standard_conforming_strings = off",
  "session_replication_role = replica",
  "synchronous_commit = off",
  "array_nulls = off",
  "transform_null_equals = on",
  "row_security = off",
  "exit_on_error = on",
  "quote_all_identifiers = on",
  "xmloption = 'document'",
] as const;

/** Tables that a search_path puts before ours. */
const SHADOW = `create schema shadow;
  create table shadow.feature_flags (like public.feature_flags);
  create table shadow.publication (like public.publication);
  create table shadow.segments (like public.segments);
  create table shadow.flag_audit (like public.flag_audit);
  create table shadow.divergences (like public.divergences);
  grant usage on schema shadow to public; grant all on all tables in schema shadow to public`;

const role = `sluice_test_settings_${randomBytes(4).toString("hex")}`;
let postgres: Awaited<ReturnType<typeof startEmbeddedPostgres>>;

beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-settings-"));
  await chmod(folder, 0o755);
  postgres = await startEmbeddedPostgres({ dataDir: folder, settings: { fsync: "off" } });
  await withClient(postgres.url, (admin) => admin.query(`create role ${role} login password 'settings'`));
});
afterAll(() => postgres.stop({ remove: true }));

interface Place {
  readonly database: string;
  /** As the owner of the database, whose settings change. */
  readonly url: string;
  readonly admin: pg.Client;
}

/** A new database, owned by an ordinary role. */
async function inDatabase(use: (place: Place) => Promise<void>): Promise<void> {
  const database = `sluice_test_${randomBytes(6).toString("hex")}`;
  await withClient(postgres.url, async (admin) => {
    await admin.query(`create database ${database} owner ${role}`);
    const url = new URL(urlOf(postgres.url, database));
    url.username = role;
    url.password = "settings";
    try {
      await use({ database, url: url.href, admin });
    } finally {
      await admin.query(`alter role ${role} nosuperuser`);
      await admin.query(`alter role ${role} reset all`);
      await dropDatabase(admin, database);
    }
  });
}

/** Uses every part that talks to Postgres, and checks what it wrote. */
async function useEverything(url: string): Promise<void> {
  expect(await migrate(url)).not.toEqual([]);
  expect(await migrate(url)).toEqual([]);
  await withClient(url, async (client) => {
    await client.query("set statement_timeout = 0").catch(() => client.query("set statement_timeout = 0"));
    await client.query("set default_transaction_read_only = off");
    await client.query(SHADOW);
  });
  const redis = await startRedisRest();
  const system = await startApiSystem({ databaseUrl: url, redis, listenTimes: { poll: 200 } });
  try {
    const flag = { tags: ["NULL", "\\x"], description: "Ü \\ '" };
    const created = await Promise.all(
      ["a", "b", "c", "d", "e", "f"].map((key) =>
        system.call("POST", "/api/v1/flags", { body: { key, ...flag } }),
      ),
    );
    expect(created.map(({ status, text }) => (status === 201 ? status : text))).toEqual(
      created.map(() => 201),
    );
    const toggle = async (enabled: boolean) => {
      const { status, body } = await system.call("PATCH", "/api/v1/flags/a/toggle", {
        body: { enabled },
        ifMatch: "*",
      });
      return [status, body.published, body.flag["enabled"]];
    };
    expect(await toggle(true)).toEqual([200, true, true]);
    expect(await toggle(false)).toEqual([200, true, false]);
    const archived = await system.call("POST", "/api/v1/flags/b/archive", { ifMatch: "*" });
    expect(archived.status).toBe(200);
    const read = (await system.call("GET", "/api/v1/flags/b")).body.flag;
    expect(read).toMatchObject(flag);
    for (const time of ["archived_at", "created_at", "updated_at"]) {
      expect(Math.abs(Date.parse(String(read[time])) - Date.now())).toBeLessThan(120_000);
    }

    const status = await system.call("GET", "/api/v1/status");
    expect(status.body).toMatchObject({ published: true, fault: null, diverged: false });
    expect(Number(status.body["changed_ms_ago"])).toBeLessThan(120_000);
    const run = await callSluice(["publish", "--no-gates-module"], {
      env: {
        DATABASE_URL: url,
        UPSTASH_REDIS_REST_URL: redis.url,
        UPSTASH_REDIS_REST_TOKEN: redis.token,
        SLUICE_ENV: ENVIRONMENT,
      },
    });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    // By SQL of somebody else: the trigger's announcement arrives, or the poll sees it.
    await withClient(urlOf(postgres.url, new URL(url).pathname.slice(1)), async (admin) => {
      await admin.query("set search_path = public; set session_replication_role = origin");
      await admin.query("set default_transaction_read_only = off; set statement_timeout = 0");
      const audit = await admin.query("select from flag_audit where actor = 'admin'");
      expect(audit.rowCount).toBe(9);
      const shadowed = await admin.query(
        "select from shadow.feature_flags union all select from shadow.publication",
      );
      expect(shadowed.rowCount).toBe(0);
    });
  } finally {
    await system.stop();
    await redis.stop();
  }
}

test.for(SETTINGS.flatMap((setting) => [["DATABASE", setting] as const, ["ROLE", setting] as const]))(
  "ALTER %s SET %s: everything works, or the start refuses it with the remedy",
  ([kind, setting]) =>
    inDatabase(async ({ database, url, admin }) => {
      await admin.query(`alter ${kind} ${kind === "ROLE" ? role : database} set ${setting}`);
      if (setting.startsWith("session_replication_role")) {
        // An ordinary role may not set it back.
        const remedy = /RESET session_replication_role/;
        await expect(migrate(url)).rejects.toThrow(remedy);
        await expect(startApiSystem({ databaseUrl: url })).rejects.toThrow(remedy);
        await admin.query(`alter role ${role} superuser`);
      }
      await useEverything(url);
    }),
);

test("tables of another program with Sluice's names are reported as that", () =>
  inDatabase(async ({ database, url }) => {
    await withClient(url, (client) => client.query("create table publication (id int, title text)"));
    const says = `table publication in database ${database} is not Sluice's`;
    await expect(migrate(url)).rejects.toThrow(says);
    await expect(startApiSystem({ databaseUrl: url })).rejects.toThrow(says);
    const run = await callSluice(["migrate"], { env: { DATABASE_URL: url } });
    expect([run.code, run.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^error: table publication .* is not Sluice's, .*\n {2}-> give Sluice a database of its own/,
      ),
    ]);
  }));
