import { compareVersions, type Version } from "../shared/revision.ts";
import { parseHead } from "../shared/snapshot.ts";
import type { Stored } from "./redis.ts";

/** What Postgres holds, to be compared with what stands in Redis. */
export interface Candidate extends Version {
  readonly databaseId: string;
  readonly digest: string;
  /** Of the snapshot. */
  readonly bytes: number;
}

/** What a publisher does about the head that it found. */
export type PublishDecision =
  /** Redis is behind, or holds nothing of use. `withSnapshot`: its snapshot has another content. */
  | { readonly step: "publish"; readonly withSnapshot: boolean }
  /** Redis holds just this. */
  | { readonly step: "current" }
  /** Redis is newer: another publisher was quicker, or this database was set back. Read Postgres again to know. */
  | { readonly step: "behind"; readonly redis: Version }
  /** Redis holds something that cannot come from this database's past. Only people can say which is right. */
  | { readonly step: "diverged"; readonly redis: Version; readonly why: string };

/**
 * Compares Postgres with Redis.
 *
 * @param stored what stands in Redis
 */
export function decidePublish(stored: Stored, candidate: Candidate): PublishDecision {
  if (stored.head === null) return { step: "publish", withSnapshot: true };
  const parsed = parseHead(stored.head);
  // Garbage has no order: whatever put it there, the truth is in Postgres.
  if ("problem" in parsed) return { step: "publish", withSnapshot: true };

  const head = parsed.value;
  const redis = { epoch: head.epoch, revision: head.revision };
  const order = compareVersions(candidate, head);
  // A higher epoch is somebody's word (`sluice publish --force`) that this database is right.
  if (head.database_id !== candidate.databaseId && candidate.epoch <= head.epoch) {
    return { step: "diverged", redis, why: "Redis was published from another database" };
  }
  if (order < 0) return { step: "behind", redis };
  if (order === 0 && head.digest !== candidate.digest) {
    return { step: "diverged", redis, why: "Redis holds another content under the same revision" };
  }
  // A snapshot can be lost by itself, for one by eviction; its head would then promise what is not there.
  const withSnapshot = head.digest !== candidate.digest || stored.snapshotBytes !== candidate.bytes;
  return order > 0 || withSnapshot ? { step: "publish", withSnapshot } : { step: "current" };
}
