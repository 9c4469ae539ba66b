import pg from "pg";
import { briefly } from "../problem/problem.ts";
import type { Log } from "../process/log.ts";

/** Anything that runs a query: the pool, or the one client that a transaction is on. */
export type Queryable = Pick<pg.ClientBase, "query">;

/** Nothing that holds a lock, or waits for one, may stop the others for longer than this. */
const LIMITS = {
  connectionTimeoutMillis: 3_000,
  lock_timeout: 2_000,
  statement_timeout: 10_000,
  query_timeout: 12_000,
  idle_in_transaction_session_timeout: 10_000,
} as const;

/** The publisher's connections, with a limit on every wait. */
export function createPool(databaseUrl: string, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: "sluice",
    max: 10,
    keepAlive: true,
    ...LIMITS,
  });
  // An idle connection that breaks must not end the process; the next query gets another one.
  pool.on("error", (error) => log("postgres.connection_lost", { error: briefly(error) }));
  return pool;
}

/**
 * Runs `work` in a transaction, READ COMMITTED unless said otherwise. A fault rolls back; a connection that cannot
 * even roll back is thrown away.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: Queryable) => Promise<T>,
  begin = "BEGIN",
): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  // Lost between two queries, it fails the next one; without a listener it would end the process.
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

/** The one row of a query that always gives one. */
export function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres gave no row where there has to be one");
  return row;
}
