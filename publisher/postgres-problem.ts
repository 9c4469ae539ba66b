import pg from "pg";
import { Problem } from "./problem.ts";

/** By SQLSTATE (Postgres documentation, appendix A): what a caller is told. */
const BY_STATE: {
  readonly [state: string]: (error: pg.DatabaseError) => Problem;
} = {
  // unique_violation
  "23505": () => new Problem("conflict", "a flag with this key is there already"),
  // check_violation: the schemas at the border should have said so first
  "23514": (error) => new Problem("invalid-request", `refused by the constraint ${error.constraint ?? "?"}`),
  // lock_not_available, query_canceled: our own limits on waiting
  "55P03": () =>
    new Problem("unavailable", "another transaction holds this flag: nothing was changed, try again"),
  "57014": () => new Problem("unavailable", "Postgres took too long: nothing was changed, try again"),
  // serialization_failure, deadlock_detected
  "40001": () => new Problem("unavailable", "another write came in between: nothing was changed, try again"),
  "40P01": () => new Problem("unavailable", "another write came in between: nothing was changed, try again"),
};

/** The problem that an error of Postgres stands for, if it is one that a caller can do something about. */
export function postgresProblem(error: unknown): Problem | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined;
  return BY_STATE[error.code]?.(error);
}

/** SQLSTATE classes of a server that goes, is gone, or is not let in; and what pg and Node say of a connection. */
const DOWN_STATE = /^(08|57P|53|28|3D)/;
const DOWN_MESSAGE =
  /timeout|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|terminated|not queryable/i;

/** Whether Postgres cannot be reached, as opposed to: it answered that something is wrong. */
export function isPostgresDown(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return DOWN_STATE.test(error.code ?? "");
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return DOWN_MESSAGE.test(`${code} ${error.message}`);
}
