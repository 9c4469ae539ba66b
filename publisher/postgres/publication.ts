import type { Version } from "../../shared/snapshot/revision.ts";
import { only, type Queryable } from "./postgres.ts";

/** The channel that announces every commit that changed the snapshot. */
export const REVISION_CHANNEL = "sluice_revision";

/** Columns as pg returns them: bigint as a string. */
export interface VersionColumns {
  readonly epoch: string;
  readonly revision: string;
}

/** The version of rows that are older than the audit. */
export const NEVER: Version = { epoch: 0, revision: 0 };

/** Loses nothing: revisions stay far below 2^53. */
export function toVersion({ epoch, revision }: VersionColumns | Version): Version {
  return { epoch: Number(epoch), revision: Number(revision) };
}

/** The version that Postgres is at. */
export interface PublicationState extends Version {
  /** Distinguishes a restored or swapped database from the one that published before. */
  readonly databaseId: string;
}

export async function readPublicationState(db: Queryable): Promise<PublicationState> {
  const { rows } = await db.query<VersionColumns & { database_id: string }>(
    "SELECT database_id, epoch, revision FROM publication",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the table publication is empty: run `sluice migrate`");
  return { databaseId: row.database_id, ...toVersion(row) };
}

/** Begins an epoch that is newer than the present one and than `than`. All later snapshots are newer than all before. */
export async function beginEpoch(db: Queryable, than: number): Promise<void> {
  await db.query("UPDATE publication SET epoch = greatest(epoch, $1) + 1", [than]);
}

/** Raises the revision without changing a flag, unless another write already did. */
export async function raiseForRebuild(db: Queryable, seen: Version): Promise<void> {
  await db.query("UPDATE publication SET revision = revision + 1 WHERE epoch = $1 AND revision = $2", [
    seen.epoch,
    seen.revision,
  ]);
}

/** Names the author of this transaction's changes, for the audit. To be called first in a transaction. */
export async function setActor(db: Queryable, actor: string): Promise<void> {
  await db.query("SELECT set_config('sluice.actor', $1, true)", [actor]);
}

/**
 * Runs the deferred triggers now instead of at COMMIT. They raise the revision and write the audit of this transaction,
 * so that both can be read before the commit. All other writers wait until this transaction ends.
 */
export async function raiseRevision(db: Queryable): Promise<void> {
  await db.query("SET CONSTRAINTS ALL IMMEDIATE");
}

/** Redis and Postgres contradict each other. Stored in Postgres, so that every publisher reports it from its start. */
export interface Divergence {
  readonly why: string;
  /** The version in Redis when the divergence was found. */
  readonly redis: Version;
  readonly since: Date;
}

/** The divergence that is open, if any. */
export async function readDivergence(db: Queryable): Promise<Divergence | undefined> {
  const { rows } = await db.query<VersionColumns & { why: string; since: Date }>(
    `SELECT why, since, redis_epoch AS epoch, redis_revision AS revision FROM divergences
     WHERE ended_at IS NULL`,
  );
  const [row] = rows;
  return row && { why: row.why, since: row.since, redis: toVersion(row) };
}

/**
 * Opens a divergence, unless one is open. Does nothing if an epoch has begun since Postgres was read: a new epoch ends
 * every contradiction with the past.
 *
 * @param seen the version of Postgres when it was read
 */
export async function openDivergence(
  db: Queryable,
  seen: Version,
  found: { readonly why: string; readonly redis: Version; readonly redisDatabaseId: string },
): Promise<void> {
  const { why, redis, redisDatabaseId } = found;
  await db.query(
    // The row lock makes a new epoch wait, and then close this divergence.
    `WITH here AS (SELECT FROM publication WHERE epoch = $1 FOR SHARE)
     INSERT INTO divergences (why, epoch, revision, redis_epoch, redis_revision, redis_database_id)
     SELECT $3, $1, $2, $4, $5, $6 FROM here
     ON CONFLICT ((true)) WHERE ended_at IS NULL DO NOTHING`,
    [seen.epoch, seen.revision, why, redis.epoch, redis.revision, redisDatabaseId],
  );
}

/** Explains a divergence and how to end it. */
export function divergenceText({ why, redis, since }: Divergence): string {
  return (
    `${why} (Redis: epoch ${redis.epoch}, revision ${redis.revision}; since ${since.toISOString()}). Nothing is ` +
    "published until you say which is right: `sluice publish --force` makes this database the truth."
  );
}

/** Redis contradicts Postgres, so nothing was published. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    super(divergenceText(divergence));
    this.divergence = divergence;
  }
}

/** What Postgres knows about publishing. */
export interface PostgresStatus {
  readonly state: PublicationState & {
    /** The id of the version in the history; undefined if the history lacks it. */
    readonly lineageId: string | undefined;
  };
  /** When the last change was committed. */
  readonly changedAt: Date;
  /** Milliseconds since `changedAt` by Postgres' own clock: clocks of other machines may be wrong. */
  readonly changedMsAgo: number;
  readonly divergence: Divergence | undefined;
}

export async function readStatus(db: Queryable): Promise<PostgresStatus> {
  const { rows } = await db.query<
    VersionColumns & {
      database_id: string;
      lineage_id: string | null;
      changed_at: Date;
      changed_ms_ago: string;
    }
  >(
    `SELECT epoch, revision, database_id, changed_at,
       (SELECT l.id FROM public.lineage l WHERE (l.epoch, l.revision) = (p.epoch, p.revision)) AS lineage_id,
       floor(extract(epoch FROM clock_timestamp() - changed_at) * 1000)::bigint AS changed_ms_ago
     FROM publication p`,
  );
  const row = only(rows);
  return {
    state: {
      ...toVersion(row),
      databaseId: row.database_id,
      lineageId: row.lineage_id ?? undefined,
    },
    changedAt: row.changed_at,
    changedMsAgo: Math.max(0, Number(row.changed_ms_ago)),
    divergence: await readDivergence(db),
  };
}
