import pg from "pg";
import { expect, test } from "vitest";
import { addExampleFlags } from "../../publisher/dev/example-flags.ts";
import { buildSnapshot } from "../../publisher/publish/snapshot-builder.ts";
import { readSnapshotSource } from "../../publisher/postgres/store.ts";
import { createTestDatabase } from "../support/database.ts";

test("the example flags are valid, and are inserted once, into an empty database", async () => {
  const database = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  try {
    await addExampleFlags(pool);
    const source = await readSnapshotSource(pool);
    const { text, invalid } = await buildSnapshot(source);
    expect([...invalid]).toEqual([]);
    expect(text).toContain('"variants"');
    expect(text).toContain('"segments"');
    // Deleted flags must not come back.
    await pool.query("update feature_flags set gates = '[]'");
    await pool.query("delete from feature_flags");
    await addExampleFlags(pool);
    expect((await readSnapshotSource(pool)).rows).toEqual([]);
  } finally {
    await pool.end();
    await database.drop();
  }
});
