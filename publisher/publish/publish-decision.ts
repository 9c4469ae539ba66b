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
  /** The id of this version in the history of Postgres; undefined if the history lacks it. */
  readonly lineageId: string | undefined;
  /** The flags of the snapshot that have gates. */
  readonly gatedKeys: readonly string[];
}

/** What Postgres knows about the head in Redis, read after the head. */
export interface HeadHistory {
  /** The version that Postgres is at. */
  readonly state: Version;
  /** The id that the head's version has in this database; undefined: this database never had the version. */
  readonly id: string | undefined;
  /** Flags that have gates in Redis, and lost them in Postgres without an entry in the audit that removes them. */
  readonly vanishedGates: readonly string[];
}

/** What a publisher does about the head in Redis. */
export type PublishDecision =
  /** Redis is behind, or has nothing usable. `withSnapshot`: its snapshot differs, too. */
  | { readonly step: "publish"; readonly withSnapshot: boolean }
  /** Redis has exactly this snapshot. */
  | { readonly step: "current" }
  /** Redis is newer, and Postgres has that version by now: another publisher was faster. */
  | { readonly step: "behind" }
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
export const OTHER_HISTORY = "Redis has a revision that is not in the history of this database";
const OTHER_CONTENT = "Redis has another snapshot with the same revision";

/** How many flags a text names. */
const MAX_NAMED = 5;

function gatesVanished(keys: readonly string[]): string {
  const named = keys.slice(0, MAX_NAMED).join(", ");
  const more = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : "";
  return `Gates vanished: Redis has gates of ${named}${more}, and this database lost them without removing them first`;
}

/**
 * Compares Postgres with Redis. The order of numbers is not history: a head is replaced only by what descends from it.
 *
 * @param history undefined only for a head that cannot be read
 */
export function decidePublish(
  stored: Stored,
  candidate: Candidate,
  history: HeadHistory | undefined,
): PublishDecision {
  if (stored.head === null) return { step: "publish", withSnapshot: true };
  const parsed = parseHead(stored.head);
  if ("problem" in parsed || history === undefined) {
    const schema = memberOf(stored.head, "schema");
    if (typeof schema === "number" && schema > SCHEMA) return { step: "outdated", schema };
    // An unreadable head is neither older nor newer: the truth is in Postgres.
    return { step: "publish", withSnapshot: true };
  }

  const head = parsed.value;
  const diverged = (why: string): PublishDecision => ({
    step: "diverged",
    redis: { epoch: head.epoch, revision: head.revision },
    redisDatabaseId: head.database_id,
    why,
  });
  // The snapshot can be lost without its head, for example by eviction.
  const withSnapshot = head.digest !== candidate.digest || stored.snapshotBytes !== candidate.bytes;
  // A higher epoch is a person's decision (`sluice publish --force`) that this database is right.
  if (candidate.epoch > head.epoch) return { step: "publish", withSnapshot };
  if (head.database_id !== candidate.databaseId) return diverged(OTHER_DATABASE);
  const isAhead = compareVersions(head, history.state) > 0;
  if (head.lineage_id !== undefined && head.lineage_id !== history.id) {
    return diverged(isAhead ? AHEAD : OTHER_HISTORY);
  }
  const order = compareVersions(candidate, head);
  if (order < 0) return isAhead ? diverged(AHEAD) : { step: "behind" };
  if (history.vanishedGates.length > 0) return diverged(gatesVanished(history.vanishedGates));
  if (order === 0 && head.digest !== candidate.digest) {
    // Both versions run during the deploy of a new publisher, and neither is wrong.
    const builder = builderOf(stored.head);
    if (builder > candidate.builder) return { step: "current" };
    if (builder < candidate.builder) return { step: "rebuild" };
    return diverged(OTHER_CONTENT);
  }
  // An older publisher wrote the head without an id.
  const lacksId = head.lineage_id === undefined && candidate.lineageId !== undefined;
  return order > 0 || withSnapshot || lacksId ? { step: "publish", withSnapshot } : { step: "current" };
}

/** The epoch of a head, even of a head that is otherwise unreadable; 0 if it has none. */
export function epochOf(headText: string | null): number {
  const epoch = headText === null ? 0 : memberOf(headText, "epoch");
  return typeof epoch === "number" && Number.isSafeInteger(epoch) && epoch > 0 ? epoch : 0;
}

/** The digest of the gated flags in a head; undefined in heads of older publishers. */
export const gatedDigestOf = (headText: string): unknown => memberOf(headText, "gated");

/** The database that a head names, even of a head that is otherwise unreadable; undefined if it names none. */
export const databaseIdOf = (headText: string): unknown => memberOf(headText, "database_id");

/** Heads without the member were written by builder 1. */
function builderOf(headText: string): number {
  const builder = memberOf(headText, "builder");
  return typeof builder === "number" ? builder : 1;
}

function memberOf(headText: string, name: string): unknown {
  const head = jsonOrUndefined(headText);
  return isObject(head) ? head[name] : undefined;
}
