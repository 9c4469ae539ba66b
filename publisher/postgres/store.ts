import type pg from "pg";
import type { SubjectVersion } from "./change-history.ts";
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
import { readLineage } from "./lineage.ts";
import { CONSISTENT_READ, inTransaction, only, type Queryable } from "./postgres.ts";
import { readSegments, type SegmentRow } from "./segment-store.ts";

/** Everything that a snapshot is built from, of one consistent read. */
export interface SnapshotSource extends PublicationState {
  /** While a divergence is open, nothing is published. */
  readonly divergence: Divergence | undefined;
  /** The id of this version in the history; undefined if the history lacks it. */
  readonly lineageId: string | undefined;
  /** Ordered by key. */
  readonly rows: readonly FlagRow[];
  /** Ordered by name. */
  readonly segmentRows: readonly SegmentRow[];
}

export const FLAG_COLUMNS = `id, key, description, enabled, rollout_pct, targeting, bucket_by, salt, variants,
  variant_ranges, requires, gates, fail_mode, in_header, client_visible, owner, tags, archived_at, created_at, updated_at`;

/** Reads everything that is published, at one instant. */
export function readSnapshotSource(pool: pg.Pool): Promise<SnapshotSource> {
  return inTransaction(
    pool,
    async (client) => {
      // TRUNCATE also removes rows from older transaction snapshots. Between two of these reads it would pair a revision
      // with the rows of another. This lock makes it wait, and must come before the first read.
      await client.query("LOCK TABLE feature_flags, segments IN ACCESS SHARE MODE");
      const state = await readPublicationState(client);
      const divergence = await readDivergence(client);
      const { id: lineageId } = await readLineage(client, state);
      const { rows } = await client.query<FlagRow>(
        `SELECT ${FLAG_COLUMNS} FROM feature_flags ORDER BY key COLLATE "C"`,
      );
      const segmentRows = await readSegments(client);
      return { ...state, divergence, lineageId, rows, segmentRows };
    },
    CONSISTENT_READ,
  );
}

/** The gates of all flags, also of archived ones: their pages stay closed. */
export async function readAllGates(
  db: Queryable,
): Promise<readonly { readonly key: string; readonly gates: unknown }[]> {
  const { rows } = await db.query<{ key: string; gates: unknown }>(
    "SELECT key, gates FROM feature_flags WHERE gates <> '[]'",
  );
  return rows;
}

/** The keys of all flags that are enabled, sorted. */
export async function readEnabledKeys(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ key: string }>(
    `SELECT key FROM feature_flags WHERE enabled ORDER BY key COLLATE "C"`,
  );
  return rows.map(({ key }) => key);
}

/** Reads a flag; undefined if it does not exist. @param lock locks its row until the transaction ends */
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

/** A flag at one instant: read separately, the version could be newer than the row. */
export interface FlagState extends SubjectVersion {
  readonly row: FlagRow;
}

/** Reads a flag with its version; undefined if it does not exist. */
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
  return { row, version: toVersion(version ?? NEVER), state: toVersion(state) };
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

/** Inserts a flag. A key that exists fails with Postgres' unique_violation. */
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

/** Changes an existing flag. */
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
