import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { UnsuitableDatabaseError, checkTables } from "./check-database.ts";
import { postgresRefusal } from "./postgres-problem.ts";
import { setUpSession } from "./postgres.ts";

const folder = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Long enough for another runner's migrations, but not endless if a forgotten psql has a lock. */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Applies the pending migrations in one transaction: if it throws, none of them was applied. Safe with any number of
 * runners at once. Needs the owner's rights and a direct connection (a pooler in transaction mode loses the lock between
 * runners).
 *
 * @returns the names of the applied migrations, e.g. `["0001_flags"]`
 */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void = () => undefined,
): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "sluice migrate" });
  // Without a listener, a connection that breaks between two queries would end the process.
  client.on("error", (error) => log(`The connection was lost while migrating: ${error.message}`));
  await client.connect();
  try {
    await setUpSession(client, LOCK_TIMEOUT_MS);
    await checkTables(client);
    const applied = await runner({
      dbClient: client,
      dir: folder,
      // The folder may hold a README; only SQL is a migration.
      ignorePattern: "(?!.*\\.sql$).*",
      direction: "up",
      schema: "public",
      migrationsTable: "sluice_migrations",
      singleTransaction: true,
      advisoryLockMode: "wait",
      logger: { info: () => undefined, warn: log, error: () => undefined },
    });
    for (const { name } of applied) log(`Applied migration ${name}.`);
    return applied.map(({ name }) => name);
  } catch (error) {
    if (error instanceof UnsuitableDatabaseError) throw error;
    const reason = postgresRefusal(error) ?? (error instanceof Error ? error.message : String(error));
    throw new Error(
      `The migrations in ${folder} failed, and none of them was applied: ${reason}. ` +
        "The role needs the right to create tables in schema public (the owner of the database has it).",
      { cause: error },
    );
  } finally {
    await client.end();
  }
}
