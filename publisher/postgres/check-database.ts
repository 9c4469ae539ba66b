import pg from "pg";
import { ForeseenFault } from "../problem/problem.ts";
import { postgresRefusal } from "./postgres-problem.ts";
import { inTransaction, type Queryable } from "./postgres.ts";

/** The publisher cannot work with this database until somebody changes it. */
export class UnsuitableDatabaseError extends ForeseenFault {
  override readonly name = "UnsuitableDatabaseError";
  /** `what is wrong: the remedy` */
  constructor(text: string, cause?: unknown) {
    super(text, { cause });
  }
}

/** Columns that each table has had since its first migration. */
const TABLES: { readonly [table: string]: readonly string[] } = {
  feature_flags: ["key", "enabled", "rollout_pct", "targeting", "gates"],
  publication: ["database_id", "epoch", "revision"],
  flag_audit: ["epoch", "revision", "actor", "action", "flag_key"],
  segments: ["name", "ids", "condition"],
  divergences: ["why", "redis_epoch", "ended_at"],
  override_audit: ["actor", "flags", "ends_at"],
};

/**
 * Looks for settings that the publisher's role may not set back, and for tables of other programs with Sluice's names. A
 * Postgres that is down or read-only passes: the publisher still takes kills.
 *
 * @throws UnsuitableDatabaseError
 */
export async function checkDatabase(pool: pg.Pool): Promise<void> {
  try {
    await inTransaction(pool, checkTables);
  } catch (error) {
    if (error instanceof UnsuitableDatabaseError) throw error;
    const isDenied = error instanceof pg.DatabaseError && error.code === "42501";
    if (isDenied) throw new UnsuitableDatabaseError(postgresRefusal(error) ?? error.message, error);
  }
}

/** @throws UnsuitableDatabaseError if a table with a name of ours belongs to another program */
export async function checkTables(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ database: string; name: string; missing: readonly string[] }>(
    `SELECT current_database() AS database, ours.key AS name, ARRAY(
       SELECT needed.name FROM jsonb_array_elements_text(ours.value) AS needed (name)
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                         WHERE a.attrelid = c.oid AND a.attname = needed.name AND NOT a.attisdropped)
     ) AS missing
     FROM jsonb_each($1::jsonb) AS ours (key, value)
     JOIN pg_catalog.pg_class c ON c.relname = ours.key
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
     ORDER BY ours.key`,
    [JSON.stringify(TABLES)],
  );
  const foreign = rows.find(({ missing }) => missing.length > 0);
  if (foreign === undefined) return;
  const { database, name, missing } = foreign;
  throw new UnsuitableDatabaseError(
    `table ${name} in database ${database} is not Sluice's, because it lacks the columns ${missing.join(", ")}: ` +
      "give Sluice a database of its own, and name it in DATABASE_URL",
  );
}
