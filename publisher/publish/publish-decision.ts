import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { isObject, jsonOrUndefined } from "../../shared/flag/members.ts";
import { SCHEMA, parseHead } from "../../shared/snapshot/snapshot.ts";
import type { Stored } from "../redis/redis.ts";

/**
 * The version of the code that builds snapshots; in every head. Raise it whenever the same rows result in other bytes.
 * Otherwise two publishers of different versions would report each other's snapshot as a divergence.
 */
export const BUILDER = 3;

/** The snapshot of Postgres, to be compared with Redis. */
export interface Candidate extends Version {
  readonly databaseId: string;
  readonly digest: string;
  /** The length of the snapshot. */
  readonly bytes: number;
  /** See `BUILDER`. */
  readonly builder: number;
}

/** What a publisher does about the head in Redis. */
export type PublishDecision =
  /** Redis is behind, or has nothing usable. `withSnapshot`: its snapshot differs, too. */
  | { readonly step: "publish"; readonly withSnapshot: boolean }
  /** Redis has exactly this snapshot. */
  | { readonly step: "current" }
  /** Redis is newer: another publisher was faster, or this database was set back. Read Postgres again to find out. */
  | { readonly step: "behind"; readonly redis: Version; readonly redisDatabaseId: string }
  /** An older version of the publisher built the same flags differently: they need a new revision. */
  | { readonly step: "rebuild" }
  /** A newer version of the publisher wrote a head that this one cannot read. */
  | { readonly step: "outdated"; readonly schema: number }
  /** The head in Redis cannot come from this database. Only people can decide which is right. */
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
 */
export function decidePublish(stored: Stored, candidate: Candidate): PublishDecision {
  if (stored.head === null) return { step: "publish", withSnapshot: true };
  const parsed = parseHead(stored.head);
  if ("problem" in parsed) {
    const schema = memberOf(stored.head, "schema");
    if (typeof schema === "number" && schema > SCHEMA) return { step: "outdated", schema };
    // An unreadable head is neither older nor newer: the truth is in Postgres.
    return { step: "publish", withSnapshot: true };
  }

  const head = parsed.value;
  const redis = { epoch: head.epoch, revision: head.revision };
  const redisDatabaseId = head.database_id;
  const order = compareVersions(candidate, head);
  // A higher epoch is a person's decision (`sluice publish --force`) that this database is right.
  if (redisDatabaseId !== candidate.databaseId && candidate.epoch <= head.epoch) {
    return { step: "diverged", redis, redisDatabaseId, why: OTHER_DATABASE };
  }
  if (order < 0) return { step: "behind", redis, redisDatabaseId };
  if (order === 0 && head.digest !== candidate.digest) {
    // Both versions run during the deploy of a new publisher, and neither is wrong.
    const builder = builderOf(stored.head);
    if (builder > candidate.builder) return { step: "current" };
    if (builder < candidate.builder) return { step: "rebuild" };
    const why = "Redis has another snapshot with the same revision";
    return { step: "diverged", redis, redisDatabaseId, why };
  }
  // The snapshot can be lost without its head, for example by eviction.
  const withSnapshot = head.digest !== candidate.digest || stored.snapshotBytes !== candidate.bytes;
  return order > 0 || withSnapshot ? { step: "publish", withSnapshot } : { step: "current" };
}

/** The epoch of a head, even of a head that is otherwise unreadable; 0 if it has none. */
export function epochOf(headText: string | null): number {
  const epoch = headText === null ? 0 : memberOf(headText, "epoch");
  return typeof epoch === "number" && Number.isSafeInteger(epoch) && epoch > 0 ? epoch : 0;
}

/** Heads without the member were written by builder 1. */
function builderOf(headText: string): number {
  const builder = memberOf(headText, "builder");
  return typeof builder === "number" ? builder : 1;
}

function memberOf(headText: string, name: string): unknown {
  const head = jsonOrUndefined(headText);
  return isObject(head) ? head[name] : undefined;
}
