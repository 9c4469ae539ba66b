import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { migrate } from "../../publisher/postgres/migrate.ts";
import { dropDatabase, urlOf, withClient } from "../support/database.ts";

const { adminUrl, prefix } = inject("testDatabases");
let name: string;
let url: string;

beforeEach(async () => {
  name = `${prefix}_${randomBytes(6).toString("hex")}`;
  url = urlOf(adminUrl, name);
  await withClient(adminUrl, (admin) => admin.query(`create database ${name}`));
});
afterEach(() => withClient(adminUrl, (admin) => dropDatabase(admin, name)));

async function migrationFiles(): Promise<string[]> {
  const files = await readdir(new URL("../../migrations", import.meta.url));
  return files
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -".sql".length))
    .sort();
}

test("applies every file in order, and nothing the second time", async () => {
  expect(await migrate(url)).toEqual(await migrationFiles());
  expect(await migrate(url)).toEqual([]);
});

test("logs the applied migrations", async () => {
  const lines: string[] = [];
  await migrate(url, (line) => lines.push(line));
  expect(lines).toEqual((await migrationFiles()).map((file) => `Applied migration ${file}.`));
});

test("five runners at once apply each file once", async () => {
  const runs = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
  expect(runs.flat().sort()).toEqual(await migrationFiles());
});

test("there is one publication row, at epoch 1, revision 0", async () => {
  await migrate(url);
  const { rows } = await withClient(url, (client) =>
    client.query("select epoch, revision, raised_by, database_id from publication"),
  );
  expect(rows).toEqual([
    {
      epoch: "1",
      revision: "0",
      raised_by: null,
      database_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    },
  ]);
});

test("a failed migration changes nothing, and its error contains no secret", async () => {
  await withClient(url, (client) =>
    client.query("create function publication_stays() returns int language sql as 'select 1'"),
  );
  const failure = await migrate(url).catch((error: unknown) => String(error));
  expect(failure).toMatch(/none of them was applied: function "publication_stays" already exists/);
  expect(failure).not.toContain(new URL(url).password);
  const { rows } = await withClient(url, (client) =>
    client.query("select to_regclass('feature_flags') as flags, to_regclass('publication') as publication"),
  );
  expect(rows).toEqual([{ flags: null, publication: null }]);
});

test("keys sort by bytes in every locale of the database", async () => {
  await withClient(adminUrl, async (admin) => {
    await dropDatabase(admin, name);
    await admin.query(`create database ${name} template template0 locale_provider icu icu_locale 'en-US'`);
  });
  await migrate(url);
  const { rows } = await withClient(url, async (client) => {
    await client.query("insert into feature_flags (key) values ('a_b'), ('a-b'), ('ab'), ('a1')");
    return client.query<{ key: string }>("select key from feature_flags order by key");
  });
  expect(rows.map((row) => row.key)).toEqual(["a-b", "a1", "a_b", "ab"]);
});
