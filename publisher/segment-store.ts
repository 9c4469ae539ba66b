import type { Queryable } from "./postgres.ts";
import type { SegmentRow } from "./segment-record.ts";

export const SEGMENT_COLUMNS = "id, name, description, ids, condition, created_at, updated_at";

/** The segments of these names that are there. */
export async function readSegmentsNamed(
  db: Queryable,
  names: ReadonlySet<string>,
): Promise<readonly SegmentRow[]> {
  if (names.size === 0) return [];
  const { rows } = await db.query<SegmentRow>(
    `SELECT ${SEGMENT_COLUMNS} FROM segments WHERE name = ANY ($1)`,
    [[...names]],
  );
  return rows;
}
