import { mkdir, realpath, rm } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { findBinaries, makeRunnable } from "./postgres-binaries.ts";
import { findHome, openCluster, superuser } from "./postgres-cluster.ts";
import { launchOnFreePort, logPath } from "./postgres-launch.ts";
import { forgetOwner, waitUntilFree } from "./postgres-lock.ts";
import { findServerUser } from "./server-user.ts";

export interface EmbeddedPostgresOptions {
  /** Created when missing. The data in it survives restarts. */
  readonly dataDir: string;
  readonly log?: (line: string) => void;
  /** Postgres settings, such as `{ fsync: "off" }` for a temporary database. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** The URL of the database `sluice` on 127.0.0.1, for a superuser. Contains a password: never log it. */
  readonly url: string;
  /** Stops the server and its connections; `remove` also deletes the data. May be called twice. */
  stop(options?: { readonly remove?: boolean }): Promise<void>;
}

const databaseName = "sluice";

/**
 * Starts the Postgres of the npm package, as root or as an ordinary user, for development and tests.
 *
 * @example
 * const postgres = await startEmbeddedPostgres({ dataDir: ".sluice/postgres", log: console.log });
 * const pool = new pg.Pool({ connectionString: postgres.url });
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (process.platform === "win32") {
    throw new Error(
      "The embedded Postgres needs Linux or macOS. Run Sluice inside WSL, or set DATABASE_URL to a Postgres of your own.",
    );
  }
  const log = options.log ?? (() => undefined);
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const user = await findServerUser(path.join(dataDir, "cluster"));
  const binaries = await makeRunnable(await findBinaries(), user);
  const home = await findHome(dataDir, user, log);
  const cluster = await openCluster(home, binaries, user, options.settings?.["fsync"] === "off");
  await waitUntilFree(dataDir, cluster.pgdata);

  const { server, port } = await launchOnFreePort({
    dataDir,
    binaries,
    cluster,
    user,
    settings: options.settings ?? {},
  });
  const url = (database: string): string =>
    `postgresql://${superuser}:${cluster.password}@127.0.0.1:${port}/${database}`;
  try {
    await createDatabase(url("postgres"));
  } catch (error) {
    await server.stop();
    throw error;
  }
  server.unref();
  log(`Postgres runs on 127.0.0.1:${port}, data in ${home}.`);

  let isStopping = false;
  void server.exited.then((how) => {
    if (!isStopping) log(`Postgres exited by itself (${how}); see ${logPath(dataDir)}.`);
  });
  return {
    url: url(databaseName),
    stop: async ({ remove = false } = {}) => {
      if (!isStopping) {
        isStopping = true;
        await server.stop();
        await forgetOwner(dataDir);
      }
      await server.exited;
      if (remove) for (const folder of [home, dataDir]) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const found = await client.query("select from pg_database where datname = $1", [databaseName]);
    if (found.rowCount === 0) await client.query(`create database ${databaseName}`);
  } finally {
    await client.end();
  }
}
