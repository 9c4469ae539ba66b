import pg from "pg";
import { Problem } from "../problem/problem.ts";

// Each of these errors ends the transaction, also at COMMIT.
const UNCHANGED = "nothing was changed, try again";

type Noun = "flag" | "segment";

/** The member that identifies each. */
const KEY_OF: { readonly [Name in Noun]: string } = { flag: "key", segment: "name" };

/** The problem for each SQLSTATE (Postgres documentation, appendix A). */
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
  // read_only_sql_transaction: a standby, or a server during a failover
  "25006": () => new Problem("unavailable", `Postgres accepts no writes at the moment: ${UNCHANGED}`),
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
  /timeout|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|terminated|not queryable/i;

/** Whether Postgres cannot be reached. False if it answered with an error. */
export function isPostgresDown(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return DOWN_STATE.test(error.code ?? "");
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return DOWN_MESSAGE.test(`${code} ${error.message}`);
}
