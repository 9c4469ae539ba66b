import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { killedKeys, type Head, type Off } from "../../shared/snapshot/snapshot.ts";
import type { Content } from "./content.ts";
import { Fault } from "../isolate/fault.ts";

/** What an isolate evaluates. */
export interface Held extends Content {
  readonly head: Head;
  readonly off: Off;
  /** From `off` and `head`. */
  readonly killed: ReadonlySet<string>;
  /** When the command that confirmed all this was sent: what changed later is not in it. Milliseconds since the epoch. */
  readonly confirmedAt: number;
  /** When it took the place of an older version, in milliseconds since the epoch; absent for the first. */
  readonly changedAt?: number;
}

/** What Redis said, to this isolate or to another one of the colo, understood. */
export interface Answer {
  readonly head: Head;
  readonly content: Content;
  /** Undefined when it could not be read. */
  readonly off: Off | undefined;
  readonly sentAt: number;
  readonly arrivedAt: number;
}

/**
 * Takes an answer over, unless that would be a step back in the order of revisions.
 *
 * @throws Fault when the answer is refused; what is held then stays
 */
export function takeOver(held: Held | undefined, answer: Answer): Held {
  const { head, content, off, sentAt, arrivedAt } = answer;
  if (held === undefined) {
    // Whom to keep out is unknown, and nothing is remembered: everything stays off.
    if (off === undefined)
      throw new Fault("off-unreadable", "Redis holds no readable off, and none is remembered");
    return { ...contentOf(content), head, off, killed: killedKeys(off, head), confirmedAt: sentAt };
  }
  // Answers may overtake each other: the late one is not a step back of the publisher's, and its `off` is no news.
  const late = sentAt <= held.confirmedAt;
  if (late && compareVersions(head, held.head) <= 0) return off === undefined ? held : addKills(held, off);
  refuseStepBack(held.head, head);

  const changedAt = compareVersions(head, held.head) > 0 ? arrivedAt : held.changedAt;
  const taken = {
    ...contentOf(content),
    head,
    off: held.off,
    killed: killedKeys(held.off, head),
    ...(changedAt !== undefined && { changedAt }),
  };
  // A kill may hide in an `off` that cannot be read: what is held is newer, but not confirmed.
  if (off === undefined) return { ...taken, confirmedAt: held.confirmedAt };
  return { ...taken, off, killed: killedKeys(off, head), confirmedAt: sentAt };
}

/** Adds kills to those that are held, lifting none: for an `off` that comes with a head that is not taken over. */
export function addKills(held: Held, off: Off): Held {
  const merged = new Map(held.off);
  for (const [key, version] of off) {
    const known = merged.get(key);
    if (known === undefined || isStronger(version, known)) merged.set(key, version);
  }
  return { ...held, off: merged, killed: killedKeys(merged, held.head) };
}

/** @throws Fault when `next` is not a successor of `held`, or `held` itself. */
export function refuseStepBack(held: Head, next: Head): void {
  const order = compareVersions(next, held);
  // A new database must say so by a new epoch (`sluice publish --force`); else it is a mix-up.
  if (next.database_id !== held.database_id && next.epoch <= held.epoch) {
    throw new Fault("foreign-database", `Redis holds another database's flags: ${mend}`);
  }
  if (order < 0) throw new Fault("older-revision", `Redis holds an older revision than this worker: ${mend}`);
  if (order === 0 && next.digest !== held.digest) {
    throw new Fault("other-digest", `Redis holds other content under the same revision: ${mend}`);
  }
}

const mend = "if that is meant, run `sluice publish --force`";

/** A content alone, also of what is held itself. */
function contentOf({ compiled, gates, defect }: Content): Content {
  return { compiled, gates, ...(defect !== undefined && { defect }) };
}

function isStronger(a: Version | null, b: Version | null): boolean {
  return b !== null && (a === null || compareVersions(a, b) > 0);
}
