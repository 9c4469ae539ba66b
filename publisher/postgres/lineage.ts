import type { Version } from "../../shared/snapshot/revision.ts";
import { only, type Queryable } from "./postgres.ts";
import { toVersion, type VersionColumns } from "./publication.ts";

/** What the history of this database says about a version in Redis. */
export interface Lineage {
  /** The version that Postgres is at. */
  readonly state: Version;
  /** The id that the version has in this database; undefined: this database never had the version. */
  readonly id: string | undefined;
}

/** Reads the history at one instant. */
export async function readLineage(db: Queryable, version: Version): Promise<Lineage> {
  const { rows } = await db.query<VersionColumns & { id: string | null }>(
    `SELECT p.epoch, p.revision,
       (SELECT l.id FROM public.lineage l WHERE l.epoch = $1 AND l.revision = $2) AS id
     FROM public.publication p`,
    [version.epoch, version.revision],
  );
  const { id, ...state } = only(rows);
  return { state: toVersion(state), id: id ?? undefined };
}

/** Removes old history. The newest 10,000 versions and the version in Redis stay: Redis must be found again. */
export async function pruneLineage(db: Queryable, redis: Version | undefined): Promise<void> {
  await db.query("SELECT public.prune_lineage($1, $2)", [redis?.epoch ?? null, redis?.revision ?? null]);
}

/**
 * The flags whose gates nobody removed, by the audit. A TRUNCATE, a DELETE without triggers and a change without
 * triggers take gates away without an entry that removes them first.
 *
 * @param keys flags that had gates and have none in Postgres
 * @param at the version of Postgres when that was read
 */
export async function readVanishedGates(
  db: Queryable,
  keys: readonly string[],
  at: Version,
): Promise<readonly string[]> {
  const { rows } = await db.query<{ key: string }>(
    `SELECT lost.key FROM unnest($1::text[]) AS lost (key)
     WHERE NOT coalesce((
       SELECT a.action = 'update' AND a.after -> 'gates' = '[]'
       FROM public.flag_audit a
       WHERE a.flag_key = lost.key AND (a.epoch, a.revision) <= ($2, $3)
         AND (a.before -> 'gates' <> '[]' OR a.after -> 'gates' <> '[]')
       ORDER BY a.id DESC LIMIT 1
     ), false)
     ORDER BY lost.key COLLATE "C"`,
    [keys, at.epoch, at.revision],
  );
  return rows.map(({ key }) => key);
}

/** All flags that ever had gates until a version, by the audit. */
export async function readGatedUntil(db: Queryable, version: Version): Promise<readonly string[]> {
  const { rows } = await db.query<{ key: string }>(
    `SELECT DISTINCT flag_key AS key FROM public.flag_audit
     WHERE flag_key IS NOT NULL AND after -> 'gates' <> '[]' AND (epoch, revision) <= ($1, $2)`,
    [version.epoch, version.revision],
  );
  return rows.map(({ key }) => key);
}
