import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { killedKeys, type Head, type Off } from "../../shared/snapshot/snapshot.ts";
import { WorkerFault } from "../isolate/fault.ts";
import type { Content } from "./content.ts";

/** The snapshot in an isolate's memory. */
export interface CachedSnapshot extends Content {
  readonly head: Head;
  readonly off: Off;
  /** From `off` and `head`. */
  readonly killed: ReadonlySet<string>;
  /** When the command that confirmed it was sent; later changes are not in it. Milliseconds since the epoch. */
  readonly confirmedAt: number;
  /** When it replaced an older version, in milliseconds since the epoch; absent for the first. */
  readonly changedAt?: number;
}

/** Redis' answer to this isolate or to another one of the colo, parsed. */
export interface Answer {
  readonly head: Head;
  readonly content: Content;
  /** Undefined when it could not be read. */
  readonly off: Off | undefined;
  readonly sentAt: number;
  readonly arrivedAt: number;
}

/**
 * The snapshot after an answer, which never goes back in the order of revisions.
 *
 * @throws WorkerFault when the answer is refused; the cached snapshot then stays
 */
export function takeOver(cached: CachedSnapshot | undefined, answer: Answer): CachedSnapshot {
  const { head, content, off, sentAt, arrivedAt } = answer;
  if (cached === undefined) {
    // The kills are unknown, and none are remembered: everything stays off.
    if (off === undefined)
      throw new WorkerFault("off-unreadable", "Redis holds no readable off, and none is remembered");
    return { ...contentOf(content), head, off, killed: killedKeys(off, head), confirmedAt: sentAt };
  }
  // Answers may overtake each other. A late one is not the publisher's step back, and its `off` is not newer.
  const isLate = sentAt <= cached.confirmedAt;
  if (isLate && compareVersions(head, cached.head) <= 0) {
    return off === undefined ? cached : addKills(cached, off);
  }
  refuseStepBack(cached.head, head);

  const changedAt = compareVersions(head, cached.head) > 0 ? arrivedAt : cached.changedAt;
  const taken = {
    ...contentOf(content),
    head,
    off: cached.off,
    killed: killedKeys(cached.off, head),
    ...(changedAt !== undefined && { changedAt }),
  };
  // An `off` that cannot be read may hide a kill: the content is newer, but not confirmed.
  if (off === undefined) return { ...taken, confirmedAt: cached.confirmedAt };
  return { ...taken, off, killed: killedKeys(off, head), confirmedAt: sentAt };
}

/** Adds kills and lifts none: for an `off` that arrives with a head that is not taken over. */
export function addKills(cached: CachedSnapshot, off: Off): CachedSnapshot {
  const merged = new Map(cached.off);
  for (const [key, version] of off) {
    const known = merged.get(key);
    if (known === undefined || isStronger(version, known)) merged.set(key, version);
  }
  return { ...cached, off: merged, killed: killedKeys(merged, cached.head) };
}

/** @throws WorkerFault unless `next` is a successor of `current`, or equal to it */
export function refuseStepBack(current: Head, next: Head): void {
  const order = compareVersions(next, current);
  // Only a new epoch (`sluice publish --force`) makes a new database intended; else it is a mix-up.
  if (next.database_id !== current.database_id && next.epoch <= current.epoch) {
    throw new WorkerFault("foreign-database", `Redis holds another database's flags: ${FIX}`);
  }
  if (order < 0)
    throw new WorkerFault("older-revision", `Redis holds an older revision than this worker: ${FIX}`);
  if (order === 0 && next.digest !== current.digest) {
    throw new WorkerFault("other-digest", `Redis holds other content under the same revision: ${FIX}`);
  }
}

const FIX = "if that is intended, run `sluice publish --force`";

/** A content alone, even when it is part of a cached snapshot. */
function contentOf({ compiled, gates, defect }: Content): Content {
  return { compiled, gates, ...(defect !== undefined && { defect }) };
}

function isStronger(a: Version | null, b: Version | null): boolean {
  return b !== null && (a === null || compareVersions(a, b) > 0);
}
