import pg from "pg";
import { Problem } from "../problem/problem.ts";

// Each of these ends the transaction, whatever statement it came from, COMMIT included.
const UNCHANGED = "nothing was changed, try again";

type Noun = "flag" | "segment";

/** What tells one from another. */
const KEY_OF: { readonly [Name in Noun]: string } = { flag: "key", segment: "name" };

/** By SQLSTATE (Postgres documentation, appendix A): what a caller is told. */
const BY_STATE: {
  readonly [state: string]: (error: pg.DatabaseError, noun: Noun) => Problem;
} = {
  // unique_violation
  "23505": (_error, noun) => new Problem("conflict", `a ${noun} with this ${KEY_OF[noun]} is there already`),
  // restrict_violation, check_violation: the schemas at the border should have said so first
  "23001": (error) => new Problem("conflict", `refused by the constraint ${error.constraint ?? "?"}`),
  "23514": (error) => new Problem("invalid-request", `refused by the constraint ${error.constraint ?? "?"}`),
  // lock_not_available, query_canceled: our own limits on waiting
  "55P03": (_error, noun) =>
    new Problem("unavailable", `another transaction holds this ${noun}: ${UNCHANGED}`),
  "57014": () => new Problem("unavailable", `Postgres took too long: ${UNCHANGED}`),
  // serialization_failure, deadlock_detected
  "40001": () => new Problem("unavailable", `another write came in between: ${UNCHANGED}`),
  "40P01": () => new Problem("unavailable", `another write came in between: ${UNCHANGED}`),
  // read_only_sql_transaction: a standby, or a server that is being moved
  "25006": () => new Problem("unavailable", `Postgres takes no writes at the moment: ${UNCHANGED}`),
  // undefined_table, undefined_column
  "42P01": () => new Problem("unavailable", "the database is not migrated: run `sluice migrate`"),
  "42703": () => new Problem("unavailable", "the database is not migrated: run `sluice migrate`"),
};

/**
 * Turns what pg throws into a problem with an answer.
 *
 * @param kind what the work does: a read that fails leaves nothing to look after
 * @param noun what it is about
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
  // The connection may have gone after COMMIT had arrived.
  write: () =>
    new Problem(
      "unavailable",
      "Postgres does not answer: see whether the change is there before you send it again",
    ),
};

/**
 * SQLSTATE classes of a server that goes, is gone, or does not let in (55000: that takes no connections), a session that waited too long; and what pg and
 * Node say of a connection.
 */
const DOWN_STATE = /^(08|57P|53|28|3D|25P0[34]|55000)/;
const DOWN_MESSAGE =
  /timeout|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|terminated|not queryable/i;

/** Whether Postgres cannot be reached, as opposed to: it answered that something is wrong. */
export function isPostgresDown(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return DOWN_STATE.test(error.code ?? "");
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return DOWN_MESSAGE.test(`${code} ${error.message}`);
}
