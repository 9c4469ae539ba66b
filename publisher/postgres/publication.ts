import type { Version } from "../../shared/snapshot/revision.ts";
import { only, type Queryable } from "./postgres.ts";

/** Redis and Postgres contradict each other: kept in Postgres, so that every publisher says it, from its start on. */
export interface Divergence {
  readonly why: string;
  /** What Redis held when it was noticed. */
  readonly redis: Version;
  readonly since: Date;
}

/** The divergence that is open, if any. */
export async function readDivergence(db: Queryable): Promise<Divergence | undefined> {
  const { rows } = await db.query<{ why: string; since: Date; epoch: string; revision: string }>(
    `SELECT why, since, redis_epoch AS epoch, redis_revision AS revision FROM divergences
     WHERE ended_at IS NULL`,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    why: row.why,
    since: row.since,
    redis: { epoch: Number(row.epoch), revision: Number(row.revision) },
  };
}

/**
 * Opens a divergence, unless one is open, or somebody has begun a new epoch since Postgres was read: the contradiction
 * was then with what is past.
 *
 * @param seen where Postgres stood
 */
export async function openDivergence(
  db: Queryable,
  seen: Version,
  found: { readonly why: string; readonly redis: Version; readonly redisDatabaseId: string },
): Promise<void> {
  const { why, redis, redisDatabaseId } = found;
  await db.query(
    // The row lock makes a new epoch wait, and then close this one.
    `WITH here AS (SELECT FROM publication WHERE epoch = $1 FOR SHARE)
     INSERT INTO divergences (why, epoch, revision, redis_epoch, redis_revision, redis_database_id)
     SELECT $3, $1, $2, $4, $5, $6 FROM here
     ON CONFLICT ((true)) WHERE ended_at IS NULL DO NOTHING`,
    [seen.epoch, seen.revision, why, redis.epoch, redis.revision, redisDatabaseId],
  );
}

/** What is wrong, and the way out. */
export function divergenceText({ why, redis, since }: Divergence): string {
  return (
    `${why} (Redis: epoch ${redis.epoch}, revision ${redis.revision}; since ${since.toISOString()}). Nothing is ` +
    "published until you say which is right: `sluice publish --force` makes this database the truth."
  );
}

/** Redis contradicts Postgres: nothing was published. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    super(divergenceText(divergence));
    this.divergence = divergence;
  }
}

/** What Postgres tells of publishing. */
export interface PostgresStatus {
  readonly state: Version & { readonly databaseId: string };
  /** When the last change was committed. */
  readonly changedAt: Date;
  /** How long ago that was, in milliseconds by Postgres' own clock: other machines' clocks may be wrong. */
  readonly changedMsAgo: number;
  readonly divergence: Divergence | undefined;
}

export async function readStatus(db: Queryable): Promise<PostgresStatus> {
  const { rows } = await db.query<
    VersionColumns & { database_id: string; changed_at: Date; changed_ms_ago: string }
  >(
    `SELECT epoch, revision, database_id, changed_at,
       floor(extract(epoch FROM clock_timestamp() - changed_at) * 1000)::bigint AS changed_ms_ago
     FROM publication`,
  );
  const row = only(rows);
  return {
    state: { ...toVersion(row), databaseId: row.database_id },
    changedAt: row.changed_at,
    changedMsAgo: Math.max(0, Number(row.changed_ms_ago)),
    divergence: await readDivergence(db),
  };
}

/** The channel on which a commit that changed anything in the snapshot is announced. */
export const REVISION_CHANNEL = "sluice_revision";

/** Where Postgres stands. */
export interface PublicationState extends Version {
  /** Tells a restored or swapped database from the one that published before. */
  readonly databaseId: string;
}

/** Reads where Postgres stands. */
export async function readPublicationState(db: Queryable): Promise<PublicationState> {
  const { rows } = await db.query<VersionColumns & { database_id: string }>(
    "SELECT database_id, epoch, revision FROM publication",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the table publication is empty: run `sluice migrate`");
  return { databaseId: row.database_id, ...toVersion(row) };
}

/** Begins a new epoch, newer than `than` too: whatever is published from here on is newer than all before. */
export async function beginEpoch(db: Queryable, than: number): Promise<void> {
  await db.query("UPDATE publication SET epoch = greatest(epoch, $1) + 1", [than]);
}

/** Gives the same flags a revision of their own, unless something else has raised it since. */
export async function raiseForRebuild(db: Queryable, seen: Version): Promise<void> {
  await db.query("UPDATE publication SET revision = revision + 1 WHERE epoch = $1 AND revision = $2", [
    seen.epoch,
    seen.revision,
  ]);
}

/** Names the one who writes, for the audit; to be called first in a transaction. */
export async function setActor(db: Queryable, actor: string): Promise<void> {
  await db.query("SELECT set_config('sluice.actor', $1, true)", [actor]);
}

/**
 * Runs the deferred triggers now instead of at COMMIT: they raise the revision and write the audit of what this
 * transaction changed, so that both can be read before the commit. All other writers wait until this transaction ends.
 */
export async function raiseRevision(db: Queryable): Promise<void> {
  await db.query("SET CONSTRAINTS ALL IMMEDIATE");
}

/** As pg gives them: bigint as a string. */
export interface VersionColumns {
  readonly epoch: string;
  readonly revision: string;
}

/** Of rows that are older than the audit. */
export const NEVER: Version = { epoch: 0, revision: 0 };

/** Exact: revisions stay far below 2^53. */
export function toVersion({ epoch, revision }: VersionColumns): Version {
  return { epoch: Number(epoch), revision: Number(revision) };
}
