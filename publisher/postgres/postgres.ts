import pg from "pg";
import { briefly } from "../problem/problem.ts";
import type { Log } from "../process/log.ts";

/** Anything that runs a query: the pool, or the client of a transaction. */
export type Queryable = Pick<pg.ClientBase, "query">;

/** Limits on every wait, so that a transaction with a lock, or one that waits for it, cannot block others for long. */
const LIMITS = {
  connectionTimeoutMillis: 3_000,
  lock_timeout: 2_000,
  statement_timeout: 10_000,
  query_timeout: 12_000,
  idle_in_transaction_session_timeout: 10_000,
} as const;

/** Creates the publisher's connection pool, with a limit on every wait. */
export function createPool(databaseUrl: string, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: "sluice",
    max: 10,
    keepAlive: true,
    ...LIMITS,
  });
  // Without a listener, an idle connection that breaks would end the process. The next query uses another one.
  pool.on("error", (error) => log("postgres.connection_lost", { error: briefly(error) }));
  return pool;
}

/**
 * Runs `work` in a transaction. An error rolls it back; a connection that cannot roll back is closed.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: Queryable) => Promise<T>,
  begin = "BEGIN",
): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  // Without a listener, a connection that breaks between two queries would end the process. The next query fails.
  const ignore = (): void => undefined;
  client.on("error", ignore);
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(broken);
  }
}

/** The row of a query that always returns one. */
export function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres returned no row for a query that always returns one");
  return row;
}
