import type { Queryable } from "./postgres.ts";
import { Problem } from "./problem.ts";
import { only, raiseRevision } from "./store.ts";

/** The worst-case `x-flags` that a write may lead to, in bytes. */
const MAX_HEADER_BYTES = 8_192;

/** Upper bounds of what flags lead to, in bytes. */
interface Sizes {
  readonly snapshot: number;
  /** With every flag on for one user. */
  readonly header: number;
}

/** Of a flag that was not there. */
export const NO_SIZES: Sizes = { snapshot: 0, header: 0 };

/** How much one flag adds. */
export const readFlagSizes = (db: Queryable, key: string): Promise<Sizes> =>
  readSizes(db, "WHERE key = $1", [key]);

/**
 * Refuses a write that leads to what would no longer fit. What makes nothing larger is never refused: a limit that was
 * lowered must not keep anybody from narrowing a flag.
 *
 * @param before what the flag added before this transaction changed it
 */
export async function checkSizes(
  db: Queryable,
  key: string,
  before: Sizes,
  maxSnapshotBytes: number,
): Promise<void> {
  const after = await readFlagSizes(db, key);
  if (after.snapshot <= before.snapshot && after.header <= before.header) return;

  // Under the counter's lock, so that two writes cannot both just fit.
  await raiseRevision(db);
  const all = await readSizes(db, "", []);
  if (after.snapshot > before.snapshot && all.snapshot > maxSnapshotBytes) {
    throw tooLarge(
      "/targeting",
      `the snapshot of all flags could reach ${all.snapshot} bytes, more than ${maxSnapshotBytes} (MAX_SNAPSHOT_BYTES)`,
    );
  }
  if (after.header > before.header && all.header > MAX_HEADER_BYTES) {
    throw tooLarge(
      "/in_header",
      `x-flags with every flag on would have ${all.header} bytes, more than ${MAX_HEADER_BYTES}: set in_header to false on flags that no origin reads, or archive some`,
    );
  }
}

/**
 * Measures in SQL, without reading a flag's content. `targeting::text` is never shorter than what JSON.stringify makes
 * of it; 200 covers the other members and the punctuation of a flag, 40 those of the snapshot.
 */
async function readSizes(db: Queryable, where: string, values: readonly string[]): Promise<Sizes> {
  const { rows } = await db.query<{ snapshot: string; header: string }>(
    `SELECT coalesce(sum(octet_length(key) + octet_length(targeting::text) + octet_length(gates::text) + 200), 0) + 40
              AS snapshot,
            coalesce(sum(octet_length(key) + 2) FILTER (WHERE in_header AND archived_at IS NULL), 0) AS header
     FROM feature_flags ${where}`,
    [...values],
  );
  const row = only(rows);
  return { snapshot: Number(row.snapshot), header: Number(row.header) };
}

function tooLarge(pointer: string, detail: string): Problem {
  return new Problem("invalid-request", "this write would make the flags too large", {
    errors: [{ pointer, detail }],
  });
}
