import type { Version } from "../../shared/snapshot/revision.ts";
import { only, type Queryable } from "./postgres.ts";
import { NEVER, toVersion, type VersionColumns } from "./publication.ts";

/** What has a history of its own. */
export interface Subject {
  readonly entity: "flag" | "segment";
  /** A flag's key, a segment's name. */
  readonly name: string;
}

const NAME_COLUMN = { flag: "flag_key", segment: "segment_name" } as const;

/** One entry of the audit, without the values before and after. */
export interface Change extends Version {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  /** The members that differ. */
  readonly changed: readonly string[];
}

/** When something that the caller has locked changed last. */
export async function readVersion(db: Queryable, { entity, name }: Subject): Promise<Version> {
  const { rows } = await db.query<VersionColumns>(
    `SELECT epoch, revision FROM flag_audit WHERE ${NAME_COLUMN[entity]} = $1 ORDER BY id DESC LIMIT 1`,
    [name],
  );
  const [row] = rows;
  return row === undefined ? NEVER : toVersion(row);
}

/** What a transaction wrote, once it has raised the revision: the state that it commits, and the subject's version. */
export async function readWritten(
  db: Queryable,
  { entity, name }: Subject,
): Promise<{ readonly state: Version; readonly version: Version }> {
  const { rows } = await db.query<VersionColumns & { version: VersionColumns | null }>(
    `SELECT epoch, revision,
       (SELECT jsonb_build_object('epoch', a.epoch, 'revision', a.revision)
        FROM flag_audit a WHERE a.${NAME_COLUMN[entity]} = $1 ORDER BY a.id DESC LIMIT 1) AS version
     FROM publication`,
    [name],
  );
  const row = only(rows);
  return { state: toVersion(row), version: row.version === null ? NEVER : toVersion(row.version) };
}

/** Where Postgres stood a day ago, if anything changed before that. */
export async function readVersionOfYesterday(db: Queryable): Promise<Version | undefined> {
  const { rows } = await db.query<VersionColumns>(
    "SELECT epoch, revision FROM flag_audit WHERE at < now() - interval '1 day' ORDER BY id DESC LIMIT 1",
  );
  const [row] = rows;
  return row && toVersion(row);
}

/** What happened to something after a version, oldest first, at most 20 entries. */
export async function readChangesSince(
  db: Queryable,
  { entity, name }: Subject,
  since: Version,
): Promise<readonly Change[]> {
  const { rows } = await db.query<Omit<Change, keyof Version> & VersionColumns>(
    `SELECT epoch, revision, at, actor, action, ARRAY(
       SELECT key FROM jsonb_each(coalesce(after, '{}')) AS new (key, value)
       WHERE value IS DISTINCT FROM coalesce(before, '{}') -> key AND key NOT IN ('updated_at', 'variant_ranges') ORDER BY key
     ) AS changed
     FROM flag_audit WHERE ${NAME_COLUMN[entity]} = $1 AND (epoch, revision) > ($2, $3) ORDER BY id LIMIT 20`,
    [name, since.epoch, since.revision],
  );
  return rows.map((row) => ({ ...row, ...toVersion(row) }));
}
