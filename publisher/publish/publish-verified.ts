import type pg from "pg";
import type { Parsed } from "../../shared/flag/fault.ts";
import { digestOf, parseHead, parseSnapshot, type Snapshot } from "../../shared/snapshot/snapshot.ts";
import { publishByForce, type PublishedByForce } from "./publish-by-force.ts";
import { wrongLength } from "./publish-state.ts";
import { publishOnce, type Published } from "./publisher.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";

/** A publish that was verified by reading Redis. */
export interface PublishedVerified {
  readonly published: Published & Partial<PublishedByForce>;
  /** The fault that was found in Redis and repaired by writing everything again. */
  readonly repaired: string | undefined;
  /** The snapshot in Redis. */
  readonly snapshot: Snapshot;
}

/** Redis did not have the written snapshot, twice. */
export class UnverifiedError extends Error {
  override readonly name = "UnverifiedError";
}

/**
 * Publishes, then reads Redis to verify it. Writes everything again if Redis differs, for example because somebody
 * changed it by hand: the truth is in Postgres.
 *
 * @param options.keepOn see `publishByForce`
 * @throws UnverifiedError, and the errors of the publish
 */
export async function publishVerified(
  pool: pg.Pool,
  redis: PublisherRedis,
  { force, keepOn }: { readonly force: boolean; readonly keepOn: readonly string[] },
): Promise<PublishedVerified> {
  const published = force
    ? await publishByForce(pool, redis, new Date(), { keepOn })
    : await publishOnce(pool, redis, new Date());
  const found = await verifyPublished(redis, published);
  if ("value" in found) return { published, repaired: undefined, snapshot: found.value };

  const rewritten = await publishOnce(pool, redis, new Date(), { rewrite: true });
  const foundAgain = await verifyPublished(redis, rewritten);
  if ("problem" in foundAgain) throw new UnverifiedError(foundAgain.problem);
  return {
    published: { ...published, ...rewritten },
    repaired: found.problem,
    snapshot: foundAgain.value,
  };
}

/**
 * Reads head and snapshot, and checks that they belong together, as a worker does.
 *
 * @param published the oldest version that Redis may have; another publisher may have published a newer one since
 * @throws RedisFault
 */
async function verifyPublished(redis: PublisherRedis, published: Version): Promise<Parsed<Snapshot>> {
  const texts = await redis.readTexts();
  if (texts.head === null) return { problem: "Redis has no head" };
  const parsedHead = parseHead(texts.head);
  if ("problem" in parsedHead) return parsedHead;
  const head = parsedHead.value;
  if (compareVersions(head, published) < 0) {
    return { problem: `Redis has the older revision ${head.revision} (epoch ${head.epoch})` };
  }
  if (texts.snapshot === null) return { problem: "Redis has a head but no snapshot" };
  const bytes = Buffer.byteLength(texts.snapshot);
  if (bytes !== head.bytes) return { problem: wrongLength(bytes, head.bytes) };
  if ((await digestOf(texts.snapshot)) !== head.digest) {
    return { problem: "the snapshot in Redis does not match the digest in its head" };
  }
  return parseSnapshot(texts.snapshot);
}
