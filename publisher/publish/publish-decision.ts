import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { SCHEMA, parseHead } from "../../shared/snapshot/snapshot.ts";
import type { Stored } from "../redis/redis.ts";

/**
 * Which way snapshots are built, in every head. To be raised whenever rows that were published before give other bytes
 * than they did: two publishers of different versions would else take each other's snapshot for a divergence.
 */
export const BUILDER = 3;

/** What Postgres holds, to be compared with what stands in Redis. */
export interface Candidate extends Version {
  readonly databaseId: string;
  readonly digest: string;
  /** Of the snapshot. */
  readonly bytes: number;
  /** Which way it was built: see `BUILDER`. */
  readonly builder: number;
}

/** What a publisher does about the head that it found. */
export type PublishDecision =
  /** Redis is behind, or holds nothing of use. `withSnapshot`: its snapshot has another content. */
  | { readonly step: "publish"; readonly withSnapshot: boolean }
  /** Redis holds just this. */
  | { readonly step: "current" }
  /** Redis is newer: another publisher was quicker, or this database was set back. Read Postgres again to know. */
  | { readonly step: "behind"; readonly redis: Version; readonly redisDatabaseId: string }
  /** An older publisher has built the same flags in another way: they need a revision of their own. */
  | { readonly step: "rebuild" }
  /** A newer publisher has written there, what this one does not understand. */
  | { readonly step: "outdated"; readonly schema: number }
  /** Redis holds something that cannot come from this database's past. Only people can say which is right. */
  | {
      readonly step: "diverged";
      readonly redis: Version;
      readonly redisDatabaseId: string;
      readonly why: string;
    };

export const AHEAD = "Redis is ahead of Postgres";
export const OTHER_DATABASE = "Redis was published from another database";

/**
 * Compares Postgres with Redis.
 *
 * @param stored what stands in Redis
 */
export function decidePublish(stored: Stored, candidate: Candidate): PublishDecision {
  if (stored.head === null) return { step: "publish", withSnapshot: true };
  const parsed = parseHead(stored.head);
  if ("problem" in parsed) {
    const schema = memberOf(stored.head, "schema");
    if (typeof schema === "number" && schema > SCHEMA) return { step: "outdated", schema };
    // Garbage has no order: whatever put it there, the truth is in Postgres.
    return { step: "publish", withSnapshot: true };
  }

  const head = parsed.value;
  const redis = { epoch: head.epoch, revision: head.revision };
  const redisDatabaseId = head.database_id;
  const order = compareVersions(candidate, head);
  // A higher epoch is somebody's word (`sluice publish --force`) that this database is right.
  if (redisDatabaseId !== candidate.databaseId && candidate.epoch <= head.epoch) {
    return { step: "diverged", redis, redisDatabaseId, why: OTHER_DATABASE };
  }
  if (order < 0) return { step: "behind", redis, redisDatabaseId };
  if (order === 0 && head.digest !== candidate.digest) {
    // While a new version of the publisher is rolled out, both run; neither is wrong.
    const builder = builderOf(stored.head);
    if (builder > candidate.builder) return { step: "current" };
    if (builder < candidate.builder) return { step: "rebuild" };
    const why = "Redis holds another content under the same revision";
    return { step: "diverged", redis, redisDatabaseId, why };
  }
  // A snapshot can be lost by itself, for one by eviction; its head would then promise what is not there.
  const withSnapshot = head.digest !== candidate.digest || stored.snapshotBytes !== candidate.bytes;
  return order > 0 || withSnapshot ? { step: "publish", withSnapshot } : { step: "current" };
}

/** The epoch of a head, also of one that is not understood otherwise; 0 when it has none. */
export function epochOf(headText: string | null): number {
  const epoch = headText === null ? 0 : memberOf(headText, "epoch");
  return typeof epoch === "number" && Number.isSafeInteger(epoch) && epoch > 0 ? epoch : 0;
}

/** Heads of publishers that did not say are 1's. */
function builderOf(headText: string): number {
  const builder = memberOf(headText, "builder");
  return typeof builder === "number" ? builder : 1;
}

function memberOf(headText: string, name: string): unknown {
  try {
    const head: unknown = JSON.parse(headText);
    return typeof head === "object" && head !== null ? (head as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
