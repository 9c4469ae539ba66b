import type pg from "pg";
import type { Snapshot } from "../../shared/snapshot/snapshot.ts";
import { publishByForce, type PublishedByForce } from "./publish-by-force.ts";
import { publishOnce, type Published } from "./publisher.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { verifyPublished } from "./verify-published.ts";

/** A publish after which Redis was read back. */
export interface PublishedVerified {
  readonly published: Published & Partial<PublishedByForce>;
  /** What was wrong with what Redis held, and was mended by writing all of it anew. */
  readonly mended: string | undefined;
  /** What Redis holds. */
  readonly snapshot: Snapshot;
}

/** Redis does not hold what was written there, twice. */
export class UnverifiedError extends Error {
  override readonly name = "UnverifiedError";
}

/**
 * Publishes, then looks at what Redis really holds. What somebody else has changed there is written anew: the truth is
 * in Postgres.
 *
 * @throws UnverifiedError, and what the publish throws
 */
export async function publishVerified(
  pool: pg.Pool,
  redis: PublisherRedis,
  options: { readonly force: boolean },
): Promise<PublishedVerified> {
  const publish = options.force ? publishByForce : publishOnce;
  const published = await publish(pool, redis, new Date());
  const found = await verifyPublished(redis, published);
  if (!("problem" in found)) return { published, mended: undefined, snapshot: found.snapshot };

  const rewritten = await publishOnce(pool, redis, new Date(), { rewrite: true });
  const foundAgain = await verifyPublished(redis, rewritten);
  if ("problem" in foundAgain) throw new UnverifiedError(foundAgain.problem);
  return {
    published: { ...published, ...rewritten },
    mended: found.problem,
    snapshot: foundAgain.snapshot,
  };
}
