import type { Version } from "../../shared/snapshot/revision.ts";
import { only, type Queryable } from "./postgres.ts";
import { NEVER, toVersion, type VersionColumns } from "./publication.ts";

/** A flag or a segment: each has its own history. */
export interface Subject {
  readonly entity: "flag" | "segment";
  /** A flag's key, a segment's name. */
  readonly name: string;
}

const NAME_COLUMN = { flag: "flag_key", segment: "segment_name" } as const;

/** One entry of the audit, without the values before and after. */
export interface AuditEntry extends Version {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  /** The members that differ. */
  readonly changed: readonly string[];
}

/** When a flag or segment changed last. */
export interface SubjectVersion {
  readonly version: Version;
  /** The version that Postgres is at. */
  readonly state: Version;
}

/** Reads the version of a flag or segment that this transaction has locked or written. */
export async function readVersion(db: Queryable, { entity, name }: Subject): Promise<SubjectVersion> {
  const { rows } = await db.query<VersionColumns & { version: VersionColumns | null }>(
    `SELECT epoch, revision,
       (SELECT jsonb_build_object('epoch', a.epoch, 'revision', a.revision)
        FROM flag_audit a WHERE a.${NAME_COLUMN[entity]} = $1 ORDER BY a.id DESC LIMIT 1) AS version
     FROM publication`,
    [name],
  );
  const row = only(rows);
  return { state: toVersion(row), version: toVersion(row.version ?? NEVER) };
}

/** The version that Postgres was at a day ago; undefined if nothing had changed by then. */
export async function readVersionOfYesterday(db: Queryable): Promise<Version | undefined> {
  const { rows } = await db.query<VersionColumns>(
    "SELECT epoch, revision FROM flag_audit WHERE at < now() - interval '1 day' ORDER BY id DESC LIMIT 1",
  );
  const [row] = rows;
  return row && toVersion(row);
}

/** The changes of a flag or segment after a version, oldest first, at most 20. */
export async function readChangesSince(
  db: Queryable,
  { entity, name }: Subject,
  since: Version,
): Promise<readonly AuditEntry[]> {
  const { rows } = await db.query<Omit<AuditEntry, keyof Version> & VersionColumns>(
    `SELECT epoch, revision, at, actor, action, ARRAY(
       SELECT key FROM jsonb_each(coalesce(after, '{}')) AS new (key, value)
       WHERE value IS DISTINCT FROM coalesce(before, '{}') -> key AND key NOT IN ('updated_at', 'variant_ranges') ORDER BY key
     ) AS changed
     FROM flag_audit WHERE ${NAME_COLUMN[entity]} = $1 AND (epoch, revision) > ($2, $3) ORDER BY id LIMIT 20`,
    [name, since.epoch, since.revision],
  );
  return rows.map((row) => ({ ...row, ...toVersion(row) }));
}
