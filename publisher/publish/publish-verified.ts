import type pg from "pg";
import {
  digestOf,
  parseHead,
  parseSnapshot,
  type Head,
  type Snapshot,
} from "../../shared/snapshot/snapshot.ts";
import { publishByForce, type PublishedByForce } from "./publish-by-force.ts";
import { publishOnce, type Published } from "./publisher.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";

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

/** What Redis really holds, or what is wrong with it. */
export type Verified = { readonly head: Head; readonly snapshot: Snapshot } | { readonly problem: string };

/**
 * Reads head and snapshot back and looks whether they belong together, as the edge does before it takes them.
 *
 * @param published what Redis must hold at least; another publisher may have come since
 * @throws RedisFault
 */
export async function verifyPublished(redis: PublisherRedis, published: Version): Promise<Verified> {
  const texts = await redis.readTexts();
  if (texts.head === null) return { problem: "Redis holds no head" };
  const parsedHead = parseHead(texts.head);
  if ("problem" in parsedHead) return parsedHead;
  const head = parsedHead.value;
  if (compareVersions(head, published) < 0) {
    return { problem: `Redis holds revision ${head.revision} (epoch ${head.epoch}), which is older` };
  }
  if (texts.snapshot === null) return { problem: "Redis holds a head but no snapshot" };
  const bytes = Buffer.byteLength(texts.snapshot);
  if (bytes !== head.bytes) {
    return { problem: `the snapshot in Redis has ${bytes} bytes, and its head names ${head.bytes}` };
  }
  if ((await digestOf(texts.snapshot)) !== head.digest) {
    return { problem: "the snapshot in Redis has another digest than its head names" };
  }
  const parsed = parseSnapshot(texts.snapshot);
  return "problem" in parsed ? parsed : { head, snapshot: parsed.value };
}
