import type pg from "pg";
import type { Version } from "../../shared/snapshot/revision.ts";
import {
  NEVER,
  readDivergence,
  readPublicationState,
  toVersion,
  type Divergence,
  type PublicationState,
  type VersionColumns,
} from "./publication.ts";
import type { FlagRow } from "./flag-record.ts";
import { inTransaction, only, type Queryable } from "./postgres.ts";
import { readSegments, type SegmentRow } from "./segment-store.ts";

/** All that a snapshot is built of, out of one consistent read. */
export interface SnapshotSource extends PublicationState {
  /** While one is open, nothing is published. */
  readonly divergence: Divergence | undefined;
  readonly rows: readonly FlagRow[];
  readonly segmentRows: readonly SegmentRow[];
}

export const FLAG_COLUMNS = `id, key, description, enabled, rollout_pct, targeting, bucket_by, salt, variants,
  variant_ranges, requires, gates, fail_mode, in_header, client_visible, owner, tags, archived_at, created_at, updated_at`;

/** Reads everything that is published, as of one instant. */
export function readSnapshotSource(pool: pg.Pool): Promise<SnapshotSource> {
  return inTransaction(
    pool,
    async (client) => {
      // TRUNCATE takes the rows out of older views of the database, too: between two of these reads it would leave a
      // revision with another content than it has. So it has to wait; this comes before the view is made.
      await client.query("LOCK TABLE feature_flags, segments IN ACCESS SHARE MODE");
      const state = await readPublicationState(client);
      const divergence = await readDivergence(client);
      const { rows } = await client.query<FlagRow>(
        `SELECT ${FLAG_COLUMNS} FROM feature_flags ORDER BY key COLLATE "C"`,
      );
      const segmentRows = await readSegments(client);
      return { ...state, divergence, rows, segmentRows };
    },
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  );
}

/** The gates of every flag that has some, archived ones too: their pages stay closed. */
export async function readAllGates(
  db: Queryable,
): Promise<readonly { readonly key: string; readonly gates: unknown }[]> {
  const { rows } = await db.query<{ key: string; gates: unknown }>(
    "SELECT key, gates FROM feature_flags WHERE gates <> '[]'",
  );
  return rows;
}

/** One flag, or undefined. @param lock keeps it as it is until the transaction's end */
export async function readFlag(
  db: Queryable,
  key: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<FlagRow | undefined> {
  const { rows } = await db.query<FlagRow>(
    `SELECT ${FLAG_COLUMNS} FROM feature_flags WHERE key = $1 ${lock ? "FOR UPDATE" : ""}`,
    [key],
  );
  return rows[0];
}

/** A flag as of one instant: read one after the other, the version could be newer than the row. */
export interface FlagState {
  readonly row: FlagRow;
  /** When it changed last. */
  readonly version: Version;
  /** Where Postgres stood then. */
  readonly state: Version;
}

/** One flag with its version and Postgres' own, or undefined. */
export async function readFlagState(db: Queryable, key: string): Promise<FlagState | undefined> {
  const { rows } = await db.query<FlagRow & { version: VersionColumns | null; state: VersionColumns }>(
    `SELECT ${FLAG_COLUMNS},
       (SELECT jsonb_build_object('epoch', a.epoch, 'revision', a.revision)
        FROM flag_audit a WHERE a.flag_key = f.key ORDER BY a.id DESC LIMIT 1) AS version,
       (SELECT jsonb_build_object('epoch', p.epoch, 'revision', p.revision) FROM publication p) AS state
     FROM feature_flags f WHERE key = $1`,
    [key],
  );
  const [found] = rows;
  if (found === undefined) return undefined;
  const { version, state, ...row } = found;
  return { row, version: version === null ? NEVER : toVersion(version), state: toVersion(state) };
}

// Only these names are ever written into an SQL text; values are always parameters.
const WRITABLE = [
  "description",
  "enabled",
  "rollout_pct",
  "targeting",
  "bucket_by",
  "salt",
  "variants",
  "variant_ranges",
  "requires",
  "gates",
  "fail_mode",
  "in_header",
  "client_visible",
  "owner",
  "tags",
  "archived_at",
] as const satisfies readonly (keyof FlagRow)[];

/** The columns that a write sets. An absent one keeps its value, or gets the default of its column. */
export type FlagColumns = {
  readonly [Name in (typeof WRITABLE)[number]]?:
    | (Name extends "rollout_pct" ? number : FlagRow[Name])
    | undefined;
};

// pg would send an array for a jsonb column as a Postgres array.
const JSON_COLUMNS: ReadonlySet<string> = new Set([
  "targeting",
  "variants",
  "variant_ranges",
  "requires",
  "gates",
]);

/** Inserts a flag. A key that is taken fails with Postgres' unique_violation. */
export async function insertFlag(db: Queryable, key: string, columns: FlagColumns): Promise<FlagRow> {
  const { names, values } = split(columns);
  const placeholders = ["$1", ...names.map((_, index) => `$${index + 2}`)];
  const { rows } = await db.query<FlagRow>(
    `INSERT INTO feature_flags (${["key", ...names].join(", ")}) VALUES (${placeholders.join(", ")})
     RETURNING ${FLAG_COLUMNS}`,
    [key, ...values],
  );
  return only(rows);
}

/** Changes a flag that is there. */
export async function updateFlag(db: Queryable, key: string, columns: FlagColumns): Promise<FlagRow> {
  const { names, values } = split(columns);
  const assignments = names.map((name, index) => `${name} = $${index + 2}`);
  const { rows } = await db.query<FlagRow>(
    `UPDATE feature_flags SET ${assignments.join(", ")} WHERE key = $1 RETURNING ${FLAG_COLUMNS}`,
    [key, ...values],
  );
  return only(rows);
}

export async function deleteFlag(db: Queryable, key: string): Promise<void> {
  await db.query("DELETE FROM feature_flags WHERE key = $1", [key]);
}

function split(columns: FlagColumns): { names: string[]; values: unknown[] } {
  const names = WRITABLE.filter((name) => columns[name] !== undefined);
  const values = names.map((name) => {
    const value = columns[name];
    return JSON_COLUMNS.has(name) ? JSON.stringify(value) : value;
  });
  return { names, values };
}
