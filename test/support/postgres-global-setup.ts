import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import { migrate } from "../../publisher/postgres/migrate.ts";
import { dropDatabase, urlOf, withClient } from "./database.ts";
import type { TestDatabases } from "./database.ts";

/** One server for all test files; each file clones its own database (`createTestDatabase`). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await findServer();
  const databases = await prepareTestDatabases(server.url).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  project.provide("testDatabases", databases);
  return async () => {
    await removeTestDatabases(databases);
    await server.stop();
  };
}

/** Never DATABASE_URL: tests must not be able to reach a real one by accident. */
async function findServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env["SLUICE_TEST_DATABASE_URL"];
  if (given !== undefined && given !== "") return { url: given, stop: () => Promise.resolve() };

  const folder = await mkdtemp(path.join(tmpdir(), "sluice-test-postgres-"));
  // Root runs the server as another user, who has to get in; what is secret below is closed by itself.
  await chmod(folder, 0o755);
  const postgres = await startEmbeddedPostgres({
    dataDir: folder,
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" },
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return { url: postgres.url, stop: () => postgres.stop({ remove: true }) };
}

/** Makes the migrated template on any server. */
export async function prepareTestDatabases(adminUrl: string): Promise<TestDatabases> {
  const prefix = `sluice_test_${randomBytes(4).toString("hex")}`;
  const databases = { adminUrl, prefix, template: `${prefix}_template` };
  await withClient(adminUrl, (admin) => admin.query(`create database ${databases.template}`));
  await migrate(urlOf(adminUrl, databases.template));
  // A connection to the template would keep it from being cloned.
  await withClient(adminUrl, (admin) =>
    admin.query(`alter database ${databases.template} allow_connections false`),
  );
  return databases;
}

/** Drops every database of this run, also those whose test died before it could. */
export async function removeTestDatabases({ adminUrl, prefix }: TestDatabases): Promise<void> {
  await withClient(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [`${prefix}_`],
    );
    for (const { datname } of rows) await dropDatabase(admin, datname);
  });
}
