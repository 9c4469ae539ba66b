import type { Version } from "../shared/revision.ts";
import type { Queryable } from "./postgres.ts";
import { NEVER, toVersion, type VersionColumns } from "./store.ts";

/** One entry of the audit, without the values before and after. */
export interface FlagChange extends Version {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  /** The members that differ. */
  readonly changed: readonly string[];
}

/** When a flag that the caller has locked changed last. */
export async function readFlagVersion(db: Queryable, key: string): Promise<Version> {
  const { rows } = await db.query<VersionColumns>(
    "SELECT epoch, revision FROM flag_audit WHERE flag_key = $1 ORDER BY id DESC LIMIT 1",
    [key],
  );
  const [row] = rows;
  return row === undefined ? NEVER : toVersion(row);
}

/** Where Postgres stood a day ago, if anything changed before that. */
export async function readVersionOfYesterday(db: Queryable): Promise<Version | undefined> {
  const { rows } = await db.query<VersionColumns>(
    "SELECT epoch, revision FROM flag_audit WHERE at < now() - interval '1 day' ORDER BY id DESC LIMIT 1",
  );
  const [row] = rows;
  return row && toVersion(row);
}

/** What happened to a flag after a version, oldest first, at most 20 entries. */
export async function readFlagChangesSince(
  db: Queryable,
  key: string,
  since: Version,
): Promise<readonly FlagChange[]> {
  const { rows } = await db.query<Omit<FlagChange, keyof Version> & VersionColumns>(
    `SELECT epoch, revision, at, actor, action, ARRAY(
       SELECT key FROM jsonb_each(coalesce(after, '{}')) AS new (key, value)
       WHERE value IS DISTINCT FROM coalesce(before, '{}') -> key AND key NOT IN ('updated_at', 'variant_ranges') ORDER BY key
     ) AS changed
     FROM flag_audit WHERE flag_key = $1 AND (epoch, revision) > ($2, $3) ORDER BY id LIMIT 20`,
    [key, since.epoch, since.revision],
  );
  return rows.map((row) => ({ ...row, ...toVersion(row) }));
}
