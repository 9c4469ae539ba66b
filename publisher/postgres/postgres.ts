import pg from "pg";
import { briefly } from "../problem/problem.ts";
import type { Log } from "../process/log.ts";
import { isPostgresDown } from "./postgres-problem.ts";

/** Anything that runs a query: the pool, or the client of a transaction. */
export type Queryable = Pick<pg.ClientBase, "query">;

/** Limits on the client's side. pg would send the server's own limits at the start, which a pooler refuses. */
const CLIENT_LIMITS = { connectionTimeoutMillis: 3_000, query_timeout: 12_000 } as const;

/** A link that hangs is found by the kernel, also between two queries. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

/**
 * Databases and roles have settings of their own. Every transaction sets what the SQL of this folder and the parsing of pg
 * depend on, only for itself, because a pooler passes the connection to others afterwards.
 */
const SETTINGS = [
  // First: a limit of the database could end the other statements.
  "statement_timeout = '10s'",
  "lock_timeout = '2s'",
  "idle_in_transaction_session_timeout = '10s'",
  "search_path = pg_catalog, public, pg_temp",
  "TimeZone = 'UTC'",
  "DateStyle = 'ISO, MDY'",
  "IntervalStyle = 'postgres'",
  "extra_float_digits = 1",
  "bytea_output = 'hex'",
  "client_encoding = 'UTF8'",
  "standard_conforming_strings = on",
  "array_nulls = on",
  "transform_null_equals = off",
  "row_security = on",
  "exit_on_error = off",
] as const;

/** Only a superuser may set session_replication_role, so it is set only where it differs. */
const writeSettings = (isLocal: boolean): string => `SELECT
  CASE WHEN current_setting('session_replication_role') <> 'origin'
       THEN set_config('session_replication_role', 'origin', ${isLocal}) END,
  CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
       THEN set_config('synchronous_commit', 'on', ${isLocal}) END`;

const WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE";
const SINGLE_READ = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY NOT DEFERRABLE";

/** Begins a transaction whose reads all see one instant. */
export const CONSISTENT_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY NOT DEFERRABLE";

/** transaction_timeout exists since Postgres 17. */
const TRANSACTION_TIMEOUT = { since: 170_000, set: "SET LOCAL transaction_timeout = '30s'" } as const;

/** One text, so one round trip. No SELECT before a read: it would fix the instant that a consistent read sees. */
function setUpFor(begin: string, serverVersion: number): string {
  return [
    begin,
    ...(serverVersion >= TRANSACTION_TIMEOUT.since ? [TRANSACTION_TIMEOUT.set] : []),
    ...SETTINGS.map((setting) => `SET LOCAL ${setting}`),
    ...(begin.includes("READ ONLY") ? [] : [writeSettings(true)]),
  ].join("; ");
}

/**
 * Sets the same for a whole session, for migrations: they may take long, but wait for a lock no longer than `lockTimeoutMs`.
 * Not for a connection of a pooler, because others would get these settings.
 */
export async function setUpSession(client: pg.Client, lockTimeoutMs: number): Promise<void> {
  const setUp = [
    ...SETTINGS,
    "statement_timeout = 0",
    "idle_in_transaction_session_timeout = 0",
    "idle_session_timeout = 0",
    `lock_timeout = ${lockTimeoutMs}`,
    "SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE",
  ].map((setting) => `SET ${setting}`);
  const version = await readServerVersion(client);
  if (version >= TRANSACTION_TIMEOUT.since) setUp.unshift("SET transaction_timeout = 0");
  await patiently(() => client.query([...setUp, writeSettings(false)].join("; ")));
}

/**
 * Creates the publisher's connection pool, with a limit on every wait. A query of the pool runs in a transaction of its own;
 * a SELECT in a read-only one, so a SELECT of a function that writes needs `inTransaction`.
 */
export function createPool(databaseUrl: string, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: "sluice",
    max: 10,
    // For single reads, see `readOnce`. A query without an answer in time also closes its connection.
    pipeline: true,
    ...KEEP_ALIVE,
    ...CLIENT_LIMITS,
  });
  // Without a listener, an idle connection that breaks would end the process. The next query uses another one.
  pool.on("error", (error) => log("postgres.connection_lost", { error: briefly(error) }));
  const query = (text: string, values?: unknown[]) =>
    /^\s*SELECT\b/i.test(text)
      ? readOnce(pool, text, values)
      : inTransaction(pool, (client) => client.query(text, values));
  pool.query = query as typeof pool.query;
  return pool;
}

/** Runs `work` in a transaction. An error rolls it back; a connection that cannot roll back is closed. */
export function inTransaction<T>(
  pool: pg.Pool,
  work: (client: Queryable) => Promise<T>,
  begin = WRITE,
): Promise<T> {
  return withClient(pool, async (client, setUpText) => {
    const setUp = setUpText(begin);
    await patiently((attempt) => client.query(attempt === 1 ? setUp : `ROLLBACK; ${setUp}`));
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  });
}

/** One read in a transaction of its own, in one round trip: all three texts are sent before the first answer arrives. */
function readOnce(pool: pg.Pool, text: string, values: unknown[] | undefined): Promise<pg.QueryResult> {
  return withClient(pool, (client, setUpText) =>
    patiently(async () => {
      const [setUp, read, end] = await Promise.allSettled([
        client.query(setUpText(SINGLE_READ)),
        client.query(text, values),
        client.query("COMMIT"),
      ]);
      // Without its settings the read may have seen other tables.
      if (setUp.status === "rejected") throw setUp.reason;
      if (read.status === "rejected") throw read.reason;
      if (end.status === "rejected") throw end.reason;
      return read.value;
    }),
  );
}

async function withClient<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient, setUpText: (begin: string) => string) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  // Without a listener, a connection that breaks between two queries would end the process. The next query fails.
  const ignore = (): void => undefined;
  client.on("error", ignore);
  try {
    const version = await readServerVersion(client);
    return await work(client, (begin) => setUpFor(begin, version));
  } catch (error) {
    // An answer that did not arrive: ROLLBACK would wait on the same dead connection.
    isBroken = !(error instanceof pg.DatabaseError) && isPostgresDown(error);
    if (!isBroken) {
      await client.query("ROLLBACK").catch(() => {
        isBroken = true;
      });
    }
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(isBroken);
  }
}

const serverVersions = new WeakMap<pg.ClientBase, number>();

/** Asks once for each connection. */
async function readServerVersion(client: pg.ClientBase): Promise<number> {
  const known = serverVersions.get(client);
  if (known !== undefined) return known;
  const { rows } = await patiently(() =>
    client.query<{ server_version_num: string }>("SHOW server_version_num"),
  );
  const version = Number(only(rows).server_version_num);
  serverVersions.set(client, version);
  return version;
}

const QUERY_CANCELED = "57014";
const MAX_ATTEMPTS = 20;

/** A database with a `statement_timeout` of a millisecond may end the statement that replaces it. It has changed nothing. */
async function patiently<T>(attemptOnce: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(attempt);
    } catch (error) {
      const isCanceled = error instanceof pg.DatabaseError && error.code === QUERY_CANCELED;
      if (!isCanceled || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** The row of a query that always returns one. */
export function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres returned no row for a query that always returns one");
  return row;
}
