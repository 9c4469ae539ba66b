import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import {
  digestOf,
  parseHead,
  parseSnapshot,
  type Head,
  type Snapshot,
} from "../../shared/snapshot/snapshot.ts";
import type { PublisherRedis } from "../redis/redis.ts";

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
