import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** What the global setup hands to every test file. */
export interface TestDatabases {
  /** A role that may create databases. */
  readonly adminUrl: string;
  /** A migrated, empty database that nobody connects to. */
  readonly template: string;
  /** Every database of this run begins with it. */
  readonly prefix: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    testDatabases: TestDatabases;
  }
}

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const OBJECT_IN_USE = "55006";
const CLONE_ATTEMPTS = 50;

/**
 * A migrated, empty database of one's own, cloned from the template in a tenth of a second. Outside vitest,
 * pass what `prepareTestDatabases` gave.
 */
export async function createTestDatabase(from?: TestDatabases): Promise<TestDatabase> {
  const { adminUrl, template, prefix } = from ?? (await import("vitest")).inject("testDatabases");
  const name = `${prefix}_${randomBytes(6).toString("hex")}`;
  await withClient(adminUrl, async (admin) => {
    for (let attempt = 1; ; attempt++) {
      try {
        await admin.query(`create database ${name} template ${template}`);
        return;
      } catch (error) {
        // Somebody, an autovacuum worker for one, is connected to the template for a moment.
        const isBusy = error instanceof pg.DatabaseError && error.code === OBJECT_IN_USE;
        if (!isBusy || attempt === CLONE_ATTEMPTS) throw error;
        await sleep(100);
      }
    }
  });
  const url = urlOf(adminUrl, name);
  // A clone is another database, and must not pass for the template's.
  await withClient(url, (client) => client.query("update publication set database_id = gen_random_uuid()"));
  return { url, drop: () => withClient(adminUrl, (admin) => dropSoon(admin, name)) };
}

export function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** How often, and after how many milliseconds each time, it is looked whether connections have gone by themselves. */
const LOOKS = 40;
const LOOK_MS = 25;

/**
 * Waits for those who are about to go: a pool's `end` resolves before its connections have ended, and one that is
 * terminated then is an error that nobody hears. Whoever stays is sent away.
 */
export async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  for (let look = 0; look < LOOKS && (await isConnected(admin, name)); look += 1) await sleep(LOOK_MS);
  await admin.query(`drop database if exists ${name} with (force)`);
}

const QUERY_CANCELED = "57014";

/**
 * Drops a database, or leaves it to the end of the run. DROP waits for a connection that is just being opened, and that
 * connection waits for DROP: only the server's time limit for a login ends this.
 */
async function dropSoon(admin: pg.Client, name: string): Promise<void> {
  await admin.query("set statement_timeout = '2s'");
  await dropDatabase(admin, name).catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError) || error.code !== QUERY_CANCELED) throw error;
  });
}

async function isConnected(admin: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_stat_activity where datname = $1", [name]);
  return rowCount !== 0;
}

export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
