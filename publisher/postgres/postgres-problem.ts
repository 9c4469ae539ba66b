import pg from "pg";
import { Problem } from "../problem/problem.ts";

// Each of these errors ends the transaction, also at COMMIT.
const UNCHANGED = "nothing was changed, try again";

type Noun = "flag" | "segment";

/** The member that identifies each. */
const KEY_OF: { readonly [Name in Noun]: string } = { flag: "key", segment: "name" };

/** A refusal that lasts until somebody acts: what is wrong, and the remedy. `matches` distinguishes errors with one state. */
interface Refusal {
  readonly states: readonly string[];
  readonly matches?: RegExp;
  readonly text: string;
}

const READ_ONLY =
  "Postgres is read-only: DATABASE_URL must name the primary server, not a replica, and a failover must be finished";

/** By SQLSTATE (Postgres documentation, appendix A) and, for poolers, by text: PgBouncer has one state for everything. */
const REFUSALS: readonly Refusal[] = [
  { states: ["53100"], text: "the disk of Postgres is full: free space on its server" },
  { states: ["53200"], text: "Postgres is out of memory: give its server more" },
  {
    states: ["08P01"],
    matches: /unsupported startup parameter/i,
    text: "the pooler refuses a startup parameter: remove it from DATABASE_URL, or add it to ignore_startup_parameters of the pooler",
  },
  {
    states: ["08P01", "53300"],
    matches: /no more connections allowed|max_client_conn/i,
    text: "the pooler has no free client connection: raise its max_client_conn",
  },
  {
    states: ["53300"],
    text: "Postgres has no free connection: raise its max_connections, or close connections of other programs",
  },
  {
    states: ["08P01", "57014"],
    matches: /query_wait_timeout/i,
    text: "the pooler has no free server connection: raise its default_pool_size, or look for long transactions",
  },
  {
    states: ["08P01", "57P01", "57P03", "58000"],
    matches:
      /pooler|pgbouncer|server_login_retry|server login|server_connect_timeout|cannot connect to server/i,
    text: "the pooler does not reach Postgres: look at Postgres and at the log of the pooler",
  },
  {
    states: ["08P01", "3D000"],
    matches: /no such database|database .* does not exist/i,
    text: "the database does not exist: check the name in DATABASE_URL, and the databases of the pooler",
  },
  {
    states: ["08P01", "28000", "28P01"],
    matches: /no such user|password|auth|pg_hba|role .* (does not exist|is not permitted)|SASL/i,
    text: "Postgres rejects this user: check user and password in DATABASE_URL, and pg_hba.conf",
  },
  { states: ["25006"], text: READ_ONLY },
  // "cannot set transaction read-write mode during recovery", "cannot execute … during recovery"
  { states: ["0A000", "55000"], matches: /recovery/i, text: READ_ONLY },
  { states: ["57P03"], text: "Postgres is starting or stopping: wait until it is up" },
  {
    states: ["42501"],
    matches: /session_replication_role/,
    text: "session_replication_role is set for this role or database, and this role may not set it back: run ALTER ROLE … RESET session_replication_role as a superuser",
  },
  {
    states: ["42501"],
    text: "the role of DATABASE_URL lacks a right: grant what docs/operations.md lists under the publisher's role",
  },
];

/** What Postgres or a pooler refuses, and the remedy; undefined for any other error. */
export function postgresRefusal(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  const found = REFUSALS.find(
    ({ states, matches }) =>
      states.includes(error.code ?? "") && (matches === undefined || matches.test(error.message)),
  );
  return found?.text;
}

/** The problem for each SQLSTATE that a request causes. */
const BY_STATE: {
  readonly [state: string]: (error: pg.DatabaseError, noun: Noun) => Problem;
} = {
  // unique_violation
  "23505": (_error, noun) => new Problem("conflict", `a ${noun} with this ${KEY_OF[noun]} exists already`),
  // restrict_violation, check_violation: the request schemas should have refused it first
  "23001": (error) => new Problem("conflict", `refused by the constraint ${error.constraint ?? "?"}`),
  "23514": (error) => new Problem("invalid-request", `refused by the constraint ${error.constraint ?? "?"}`),
  // lock_not_available, query_canceled: our own limits on waiting
  "55P03": (_error, noun) =>
    new Problem("unavailable", `another transaction has locked this ${noun}: ${UNCHANGED}`),
  "57014": () => new Problem("unavailable", `Postgres took too long: ${UNCHANGED}`),
  // serialization_failure, deadlock_detected
  "40001": () => new Problem("unavailable", `another write conflicts with this one: ${UNCHANGED}`),
  "40P01": () => new Problem("unavailable", `another write conflicts with this one: ${UNCHANGED}`),
  // undefined_table, undefined_column
  "42P01": () => new Problem("unavailable", "the database is not migrated: run `sluice migrate`"),
  "42703": () => new Problem("unavailable", "the database is not migrated: run `sluice migrate`"),
};

/**
 * Turns an error of pg into a problem that the API answers with.
 *
 * @param kind after a failed write, the caller must check whether it was committed
 */
export async function guardPostgres<T>(
  kind: "read" | "write",
  work: () => Promise<T>,
  noun: Noun = "flag",
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const refusal = postgresRefusal(error);
    if (refusal !== undefined) throw new Problem("unavailable", `${refusal}; nothing was changed`);
    const known = error instanceof pg.DatabaseError ? BY_STATE[error.code ?? ""]?.(error, noun) : undefined;
    if (known !== undefined) throw known;
    if (isPostgresDown(error)) throw DOWN[kind]();
    throw error;
  }
}

const DOWN = {
  read: () => new Problem("unavailable", "Postgres does not answer: try again"),
  // The connection may have broken after COMMIT arrived.
  write: () =>
    new Problem(
      "unavailable",
      "Postgres does not answer: check whether the change was saved before you send it again",
    ),
};

/**
 * SQLSTATE classes of a server that stops, is down or refuses connections (55000), and of a session that waited too
 * long. The second pattern matches messages of pg and Node about a broken connection.
 */
const DOWN_STATE = /^(08|57P|53|28|3D|25P0[34]|55000)/;
const DOWN_MESSAGE =
  /timeout|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|terminated|not queryable|was closed/i;

/** Whether Postgres cannot be reached. False if it answered with an error. */
export function isPostgresDown(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return DOWN_STATE.test(error.code ?? "");
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return DOWN_MESSAGE.test(`${code} ${error.message}`);
}
