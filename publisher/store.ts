import type pg from "pg";
import type { Version } from "../shared/revision.ts";
import type { FlagRow } from "./flag-record.ts";
import { inTransaction, type Queryable } from "./postgres.ts";

/** The channel on which a commit that changed anything in the snapshot is announced. */
export const REVISION_CHANNEL = "sluice_revision";

/** Where Postgres stands. */
export interface PublicationState extends Version {
  /** Tells a restored or swapped database from the one that published before. */
  readonly databaseId: string;
}

/** All that a snapshot is built of, out of one consistent read. */
export interface SnapshotSource extends PublicationState {
  readonly rows: readonly FlagRow[];
}

const FLAG_COLUMNS = `id, key, description, enabled, rollout_pct, targeting, gates, fail_mode, in_header,
  client_visible, owner, tags, archived_at, created_at, updated_at`;

/** Reads everything that is published, as of one instant. */
export function readSnapshotSource(pool: pg.Pool): Promise<SnapshotSource> {
  return inTransaction(
    pool,
    async (client) => {
      const state = await readPublicationState(client);
      const { rows } = await client.query<FlagRow>(
        `SELECT ${FLAG_COLUMNS} FROM feature_flags ORDER BY key COLLATE "C"`,
      );
      return { ...state, rows };
    },
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  );
}

/** Reads where Postgres stands. */
export async function readPublicationState(db: Queryable): Promise<PublicationState> {
  const { rows } = await db.query<{ database_id: string; epoch: string; revision: string }>(
    "SELECT database_id, epoch, revision FROM publication",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the table publication is empty: run `sluice migrate`");
  // pg gives bigint as a string; revisions stay far below 2^53.
  return { databaseId: row.database_id, epoch: Number(row.epoch), revision: Number(row.revision) };
}

/** Names the one who writes, for the audit; to be called first in a transaction. */
export async function setActor(db: Queryable, actor: string): Promise<void> {
  await db.query("SELECT set_config('sluice.actor', $1, true)", [actor]);
}

/**
 * Raises the counter and writes the audit for what this transaction changed so far, instead of at COMMIT, so that the
 * revision can be read before it. From here on other writers wait for this transaction's end.
 *
 * @returns where Postgres stands when this transaction commits; as before when it changed nothing
 */
export async function raiseRevision(db: Queryable): Promise<PublicationState> {
  await db.query("SET CONSTRAINTS ALL IMMEDIATE");
  return readPublicationState(db);
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

/** What may be set when a flag is created; what is absent has its column's default. */
export interface FlagColumns {
  readonly description?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly rollout_pct?: number | undefined;
  readonly targeting?: unknown;
  readonly gates?: unknown;
  readonly fail_mode?: string | undefined;
  readonly in_header?: boolean | undefined;
  readonly client_visible?: boolean | undefined;
  readonly owner?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly archived_at?: Date | null | undefined;
}

// The only names that ever stand in an SQL text; values are always parameters.
const WRITABLE: readonly (keyof FlagColumns)[] = [
  "description",
  "enabled",
  "rollout_pct",
  "targeting",
  "gates",
  "fail_mode",
  "in_header",
  "client_visible",
  "owner",
  "tags",
  "archived_at",
];

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

/** One entry of the audit, without the values before and after. */
export interface FlagChange extends Version {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  /** The members that differ. */
  readonly changed: readonly string[];
}

/** When a flag changed last; undefined when it never was there. */
export async function readFlagVersion(db: Queryable, key: string): Promise<Version | undefined> {
  const { rows } = await db.query<{ epoch: string; revision: string }>(
    "SELECT epoch, revision FROM flag_audit WHERE flag_key = $1 ORDER BY id DESC LIMIT 1",
    [key],
  );
  const [row] = rows;
  return row && { epoch: Number(row.epoch), revision: Number(row.revision) };
}

/** What happened to a flag after a version, oldest first, at most 20 entries. */
export async function readFlagChangesSince(
  db: Queryable,
  key: string,
  since: Version,
): Promise<readonly FlagChange[]> {
  const { rows } = await db.query<Omit<FlagChange, keyof Version> & { epoch: string; revision: string }>(
    `SELECT epoch, revision, at, actor, action, ARRAY(
       SELECT key FROM jsonb_each(coalesce(after, '{}')) AS new (key, value)
       WHERE value IS DISTINCT FROM coalesce(before, '{}') -> key AND key <> 'updated_at' ORDER BY key
     ) AS changed
     FROM flag_audit WHERE flag_key = $1 AND (epoch, revision) > ($2, $3) ORDER BY id LIMIT 20`,
    [key, since.epoch, since.revision],
  );
  return rows.map((row) => ({ ...row, epoch: Number(row.epoch), revision: Number(row.revision) }));
}

/** Upper bounds of what all flags together lead to, in bytes. */
export interface Sizes {
  readonly snapshot: number;
  /** With every flag on for one user. */
  readonly header: number;
}

/**
 * Measures in SQL, without reading a flag's content. `targeting::text` is never shorter than what JSON.stringify makes
 * of it; 200 covers the other members and the punctuation.
 */
export async function readSizes(db: Queryable): Promise<Sizes> {
  const { rows } = await db.query<{ snapshot: string; header: string }>(
    `SELECT coalesce(sum(octet_length(key) + octet_length(targeting::text) + octet_length(gates::text) + 200), 0) + 40
              AS snapshot,
            coalesce(sum(octet_length(key) + 2) FILTER (WHERE in_header AND archived_at IS NULL), 0) AS header
     FROM feature_flags`,
  );
  const row = only(rows);
  return { snapshot: Number(row.snapshot), header: Number(row.header) };
}

/** Which flags a list shows, in which order, and where it goes on. */
export interface FlagQuery {
  readonly archived: boolean;
  readonly enabled?: boolean;
  readonly tag?: string;
  readonly owner?: string;
  /** Part of the key or the description, in any case. */
  readonly search?: string;
  readonly sort: FlagSort;
  readonly descending: boolean;
  /** The sort value, as text, and the key of the last flag of the page before. */
  readonly after?: { readonly value: string; readonly key: string };
  readonly limit: number;
}

export const FLAG_SORTS = ["key", "created_at", "updated_at", "rollout_pct"] as const;
export type FlagSort = (typeof FLAG_SORTS)[number];

const SORT_TYPES: { readonly [Sort in FlagSort]: string } = {
  key: 'text COLLATE "C"',
  created_at: "timestamptz",
  updated_at: "timestamptz",
  rollout_pct: "numeric",
};

/** A row with its sort value as text: a Date would lose Postgres' microseconds. */
export interface ListedFlag {
  readonly row: FlagRow;
  readonly sortValue: string;
}

/** One page of flags; ties are ordered by key, so that no flag is shown twice or skipped. */
export async function listFlags(db: Queryable, query: FlagQuery): Promise<readonly ListedFlag[]> {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;

  const conditions = [`(archived_at IS NOT NULL) = ${parameter(query.archived)}`];
  if (query.enabled !== undefined) conditions.push(`enabled = ${parameter(query.enabled)}`);
  if (query.tag !== undefined) conditions.push(`${parameter(query.tag)} = ANY (tags)`);
  if (query.owner !== undefined) conditions.push(`owner = ${parameter(query.owner)}`);
  if (query.search !== undefined) {
    const pattern = parameter(`%${query.search.replace(/[\\%_]/g, "\\$&")}%`);
    conditions.push(`(key ILIKE ${pattern} OR description ILIKE ${pattern})`);
  }
  const type = SORT_TYPES[query.sort];
  const sort = query.sort === "key" ? 'key COLLATE "C"' : query.sort;
  const direction = query.descending ? "DESC" : "ASC";
  if (query.after !== undefined) {
    const value = `${parameter(query.after.value)}::${type}`;
    conditions.push(
      `(${sort}, key COLLATE "C") ${query.descending ? "<" : ">"} (${value}, ${parameter(query.after.key)})`,
    );
  }
  const { rows } = await db.query<FlagRow & { sort_value: string }>(
    `SELECT ${FLAG_COLUMNS}, ${query.sort}::text AS sort_value FROM feature_flags
     WHERE ${conditions.join(" AND ")}
     ORDER BY ${sort} ${direction}, key COLLATE "C" ${direction} LIMIT ${parameter(query.limit)}`,
    values,
  );
  return rows.map(({ sort_value: sortValue, ...row }) => ({ row, sortValue }));
}

function split(columns: FlagColumns): { names: string[]; values: unknown[] } {
  const names = WRITABLE.filter((name) => columns[name] !== undefined);
  const values = names.map((name) => {
    const value = columns[name];
    // pg would send an array of a jsonb column as a Postgres array.
    return name === "targeting" || name === "gates" ? JSON.stringify(value) : value;
  });
  return { names, values };
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres gave no row where there has to be one");
  return row;
}
