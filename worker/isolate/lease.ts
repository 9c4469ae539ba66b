import { WorkerFault, toFault } from "./fault.ts";
import type { WaitUntil } from "./wait-until.ts";
import { within } from "./within.ts";

/** What an isolate knows about a cached value. Times are in milliseconds since the epoch, on one clock. */
export interface RefreshState {
  readonly now: number;
  /** When the command that confirmed the value was sent; undefined while there is none. */
  readonly confirmedAt: number | undefined;
  /** A refresh is assumed to be under way until then. */
  readonly leaseUntil: number;
  /** How many refreshes have failed since the last success. */
  readonly failures: number;
  /** After a failure nobody tries again before this. */
  readonly retryAt: number;
  readonly refreshMs: number;
  /** The age from which on this isolate refreshes; see `randomDueAge`. */
  readonly dueMs: number;
}

/**
 * `use` the cached value; `refresh` it in the background and use it meanwhile; `wait` for a refresh that this request
 * starts, or `follow` the one that is under way. Both waits are limited.
 */
export type Plan = "use" | "refresh" | "wait" | "follow";

/** A value older than this many refresh times may hide a kill or a withdrawn key: it is refreshed before use. */
const TOO_OLD = 3;

const FIRST_BACKOFF_MS = 200;

/** How often a request checks whether another request's refresh is done. */
const LOOK_MS = 5;

/** What a request does about a cached value. */
export function planRefresh(state: RefreshState): Plan {
  const { now, confirmedAt, leaseUntil, failures, retryAt, refreshMs, dueMs } = state;
  // After the clock was set back the age is unknown: ask.
  const age = confirmedAt === undefined || confirmedAt > now ? Infinity : now - confirmedAt;
  if (age < dueMs) return "use";
  if (now < retryAt) return "use";

  const isUnderWay = now < leaseUntil;
  if (age < TOO_OLD * refreshMs) return isUnderWay ? "use" : "refresh";
  // Without this wait, the second visitor after an idle minute would still be in after a kill. One request asks for all:
  // a hundred that arrive at once would each read a large snapshot into memory. While refreshes fail, only one request
  // at a time waits to find out whether they work again.
  if (!isUnderWay) return "wait";
  return failures > 0 ? "use" : "follow";
}

/** The share of a refresh time over which the isolates of a colo are spread. */
const JITTER = 0.2;

/**
 * The age at which a confirmed value is refreshed: at most one refresh time. It is chosen again after each confirmation.
 * Otherwise all isolates that took the same copy would ask Redis in the same instant. The first to ask shares the answer
 * through the colo's cache.
 *
 * @param random in [0, 1)
 */
export function randomDueAge(refreshMs: number, random: number): number {
  return refreshMs * (1 - JITTER * random);
}

/**
 * How long to wait after a number of failures in a row: exponential, up to `ceilingMs`.
 *
 * @param random in [0, 1): spreads the isolates of the world
 */
export function backoffMs(failures: number, ceilingMs: number, random: number): number {
  const most = Math.min(ceilingMs, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20));
  return most * (0.5 + random / 2);
}

export interface LeaseOptions<T> {
  /** Refreshes the cached value. */
  readonly work: (waitUntil: WaitUntil) => Promise<T>;
  readonly refreshMs: number;
  /** The longest pause after failures. */
  readonly maxBackoffMs: number;
  /** How long a refresh may be under way before another may start: a request that was cancelled never ends its lease. */
  readonly leaseMs: number;
  /** How long one request waits. */
  readonly patienceMs: number;
  /** The fault of a refresh that takes longer than one request waits. */
  readonly late: () => WorkerFault;
  readonly onFailure: (fault: WorkerFault) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

/**
 * Makes the lease of one cached value: one request of an isolate at a time refreshes it. In workerd, a promise belongs to
 * the request that made it, and a request that awaits another's may hang. So requests share a lease, which ends by
 * itself, and look by timers of their own.
 */
export function createLease<T>(options: LeaseOptions<T>) {
  const { work, refreshMs, maxBackoffMs, leaseMs, patienceMs, late, onFailure, now, random } = options;
  let leaseUntil = 0;
  let retryAt = 0;
  let failures = 0;

  async function run(waitUntil: WaitUntil): Promise<T | WorkerFault> {
    leaseUntil = now() + leaseMs;
    try {
      const result = await work(waitUntil);
      failures = 0;
      retryAt = 0;
      return result;
    } catch (error) {
      return toFault(error);
    } finally {
      leaseUntil = 0;
    }
  }

  function fail(fault: WorkerFault): void {
    failures += 1;
    retryAt = now() + backoffMs(failures, maxBackoffMs, random());
    onFailure(fault);
  }

  return {
    plan: (confirmedAt: number | undefined, dueMs: number): Plan =>
      planRefresh({ now: now(), confirmedAt, leaseUntil, failures, retryAt, refreshMs, dueMs }),
    /** Refreshes behind the answer. */
    refresh(waitUntil: WaitUntil): void {
      waitUntil(run(waitUntil).then((outcome) => outcome instanceof WorkerFault && fail(outcome)));
    },
    /** Waits for a refresh that this request starts. A refresh that takes longer goes on behind the answer. */
    async wait(waitUntil: WaitUntil): Promise<T | WorkerFault> {
      const running = run(waitUntil);
      // A far Redis or a large snapshot would never arrive otherwise.
      waitUntil(running);
      const tooLate = late();
      const outcome = await within(patienceMs, running, () => tooLate).catch(() => tooLate);
      if (outcome instanceof WorkerFault) fail(outcome);
      return outcome;
    },
    /**
     * Waits until another request's refresh has ended, or `isNews` says so.
     *
     * @returns false when this request has waited as long as it may
     */
    async follow(isNews: () => boolean): Promise<boolean> {
      for (let waited = 0; waited < patienceMs; waited += LOOK_MS) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        if (isNews() || now() >= leaseUntil || failures > 0) return true;
      }
      return failures > 0;
    },
    fail,
  };
}
