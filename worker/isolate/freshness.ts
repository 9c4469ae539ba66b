/** What an isolate knows about its snapshot. Times are in milliseconds since the epoch, on one clock. */
export interface Freshness {
  readonly now: number;
  /** When the command that confirmed the held snapshot was sent; undefined while nothing is held. */
  readonly confirmedAt: number | undefined;
  /** Until then a refresh is taken to be under way. A promise would bind this request to another's I/O: workerd hangs it. */
  readonly leaseUntil: number;
  /** How many refreshes have failed since the last that did not. */
  readonly failures: number;
  /** After a failure nobody tries again before this. */
  readonly retryAt: number;
  readonly refreshMs: number;
  /** The age from which on this isolate refreshes; see `drawDueAge`. */
  readonly dueMs: number;
}

/**
 * `use` what is held; `refresh` it in the background and use it meanwhile; `wait` for a refresh of one's own, or `follow`
 * the one that is under way, both for a limited time.
 */
export type Plan = "use" | "refresh" | "wait" | "follow";

/** Beyond so many refresh times a snapshot may hide a kill: it is not used unasked. */
const TOO_OLD = 3;

const FIRST_BACKOFF_MS = 200;

/** What a request does about the snapshot. */
export function planRefresh(state: Freshness): Plan {
  const { now, confirmedAt, leaseUntil, failures, retryAt, refreshMs, dueMs } = state;
  // A clock that was set back tells nothing about the age: ask.
  const age = confirmedAt === undefined || confirmedAt > now ? Infinity : now - confirmedAt;
  if (age < dueMs) return "use";
  if (now < retryAt) return "use";

  const underWay = now < leaseUntil;
  if (age < TOO_OLD * refreshMs) return underWay ? "use" : "refresh";
  // Nobody uses what is too old unasked, or the second visitor after an idle minute would still be in after a kill. But
  // one asks for all: a hundred who come at once would each read a large snapshot into the isolate's memory. And while
  // Redis fails, only one at a time is held up by finding out whether it is back.
  if (!underWay) return "wait";
  return failures > 0 ? "use" : "follow";
}

/** The share of a refresh time over which the isolates of a colo are spread. */
const JITTER = 0.2;

/**
 * The age at which a confirmed snapshot is refreshed: at most one refresh time. Drawn anew after each confirmation, or
 * all isolates that took one and the same copy would ask Redis at one and the same instant. The first to ask tells the
 * others by the colo's cache.
 *
 * @param random in [0, 1)
 */
export function drawDueAge(refreshMs: number, random: number): number {
  return refreshMs * (1 - JITTER * random);
}

/**
 * How long to leave Redis alone after so many failures in a row: exponential, at most one refresh time, so that a
 * recovery is noticed as soon as a kill would be.
 *
 * @param random in [0, 1): spreads the isolates of the world
 */
export function backoffMs(failures: number, refreshMs: number, random: number): number {
  const ceiling = Math.min(refreshMs, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20));
  return ceiling * (0.5 + random / 2);
}
