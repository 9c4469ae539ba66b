import pg from "pg";
import { expect, test } from "vitest";
import { guardPostgres } from "../../publisher/postgres/postgres-problem.ts";

/** SQLSTATE, the server's or the pooler's text, and the words that people read. */
const ROWS: readonly (readonly [state: string, message: string, says: RegExp])[] = [
  [
    "53100",
    'could not extend file "base/1/2": No space left on device',
    /^the disk of Postgres is full: free space/,
  ],
  ["53200", "out of memory", /^Postgres is out of memory: /],
  ["53300", "sorry, too many clients already", /^Postgres has no free connection: raise its max_connections/],
  [
    "53300",
    "remaining connection slots are reserved for roles with the SUPERUSER attribute",
    /^Postgres has no free connection: /,
  ],
  [
    "08P01",
    "unsupported startup parameter: extra_float_digits",
    /^the pooler refuses a startup parameter: .*ignore_startup_parameters/,
  ],
  ["08P01", "no more connections allowed (max_client_conn)", /^the pooler has no free client connection: /],
  ["53300", "no more connections allowed (max_client_conn)", /^the pooler has no free client connection: /],
  ["08P01", "query_wait_timeout", /^the pooler has no free server connection: raise its default_pool_size/],
  ["08P01", "pgbouncer cannot connect to server", /^the pooler does not reach Postgres: /],
  [
    "08P01",
    "server login has been failing, try again later (server_login_retry)",
    /^the pooler does not reach Postgres: /,
  ],
  ["08P01", "the pooler is shut down", /^the pooler does not reach Postgres: /],
  ["08P01", "no such database: sluice", /^the database does not exist: /],
  ["3D000", 'database "sluice" does not exist', /^the database does not exist: /],
  ["08P01", "no such user: sluice", /^Postgres rejects this user: /],
  ["28P01", 'password authentication failed for user "sluice"', /^Postgres rejects this user: /],
  ["28000", 'no pg_hba.conf entry for host "10.0.0.1"', /^Postgres rejects this user: /],
  ["25006", "cannot execute UPDATE in a read-only transaction", /^Postgres is read-only: .*not a replica/],
  ["0A000", "cannot set transaction read-write mode during recovery", /^Postgres is read-only: /],
  ["57P03", "the database system is starting up", /^Postgres is starting or stopping: /],
  [
    "42501",
    'permission denied to set parameter "session_replication_role"',
    /^session_replication_role is set .*: run ALTER ROLE … RESET session_replication_role/,
  ],
  ["42501", "permission denied for table feature_flags", /^the role of DATABASE_URL lacks a right: grant /],
  ["08006", "connection failure", /^Postgres does not answer: /],
  ["57P01", "terminating connection due to administrator command", /^Postgres does not answer: /],
  ["57014", "canceling statement due to statement timeout", /^Postgres took too long: /],
];

test.each(ROWS)("%s %s has its own words and remedy", async (state, message, says) => {
  const error = Object.assign(new pg.DatabaseError(message, message.length, "error"), { code: state });
  for (const kind of ["read", "write"] as const) {
    await expect(guardPostgres(kind, () => Promise.reject(error))).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringMatching(says) as string,
    });
  }
});

test.each([
  "Query read timeout",
  "connect ECONNREFUSED 127.0.0.1:5432",
  "Connection terminated unexpectedly",
])("%s means that Postgres does not answer", async (message) => {
  await expect(guardPostgres("read", () => Promise.reject(new Error(message)))).rejects.toThrow(
    /^Postgres does not answer/,
  );
});
