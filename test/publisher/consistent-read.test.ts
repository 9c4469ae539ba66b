import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSnapshotSource } from "../../publisher/postgres/store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const ROUNDS = 60;
const READERS = 4;

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: READERS + 1 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test("a revision is read with its own rows, also while tables are truncated", async () => {
  const contents = new Map<number, Set<string>>();
  let isWriting = true;
  const readers = Array.from({ length: READERS }, async () => {
    while (isWriting) {
      const { revision, rows, segmentRows } = await readSnapshotSource(pool);
      const content = JSON.stringify([rows.map(({ key }) => key), segmentRows.map(({ name }) => name)]);
      contents.set(revision, (contents.get(revision) ?? new Set()).add(content));
    }
  });
  for (let round = 0; round < ROUNDS; round++) {
    await pool.query(`insert into feature_flags (key) values ('flag-${round}')`);
    await pool.query(`insert into segments (name) values ('segment-${round}')`);
    await pool.query(round % 2 === 0 ? "truncate segments" : "truncate feature_flags, segments");
  }
  isWriting = false;
  await Promise.all(readers);

  expect(contents.size).toBeGreaterThan(0);
  const torn = [...contents].filter(([, seen]) => seen.size > 1).map(([revision]) => revision);
  expect(torn).toEqual([]);
});
