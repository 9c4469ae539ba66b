import type { Version } from "../../shared/snapshot/revision.ts";
import type { Queryable } from "./postgres.ts";

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
