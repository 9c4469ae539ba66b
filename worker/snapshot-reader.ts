import type { SnapshotSource } from "../shared/flags-header.ts";
import { Fault, toFault, type FaultWord } from "./fault.ts";
import { backoffMs, planRefresh } from "./freshness.ts";
import type { Held } from "./held.ts";
import { load, type Memory } from "./load.ts";
import type { Store } from "./redis.ts";
import type { Report } from "./report.ts";

/** What a request evaluates. */
export interface Reading {
  /** Undefined while nothing is held: every flag is off. */
  readonly held?: Held;
  /** How long ago that was last confirmed; absent while nothing is held. */
  readonly ageMs?: number;
  readonly source: SnapshotSource;
  /** Why the last refresh failed. */
  readonly fault?: FaultWord;
}

/** Keeps work alive after the response: `ExecutionContext.waitUntil`. */
type WaitUntil = (work: Promise<unknown>) => void;

/** Gives the flags to evaluate; never rejects, and waits for Redis no longer than `redisTimeoutMs`. */
export type SnapshotReader = (waitUntil: WaitUntil) => Promise<Reading>;

export interface ReaderOptions {
  readonly store: Store;
  readonly refreshMs: number;
  readonly redisTimeoutMs: number;
  /** How long a refresh may be under way before another may begin. */
  readonly leaseMs: number;
  readonly report: Report;
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Makes the reader that all requests of an isolate share. They share its memory, never each other's I/O. */
export function createSnapshotReader(options: ReaderOptions): SnapshotReader {
  const { store, refreshMs, redisTimeoutMs, leaseMs, report, now = Date.now, random = Math.random } = options;
  const memory: Memory = { held: undefined };
  let leaseUntil = 0;
  let retryAt = 0;
  let failures = 0;
  let fault: FaultWord | undefined;

  /** Resolves to what went wrong; never rejects. */
  async function refresh(): Promise<Fault | undefined> {
    leaseUntil = now() + leaseMs;
    try {
      await load(memory, store, now);
      failures = 0;
      retryAt = 0;
      fault = undefined;
      return undefined;
    } catch (error) {
      return toFault(error);
    } finally {
      leaseUntil = 0;
    }
  }

  function failed(problem: Fault): void {
    failures += 1;
    retryAt = now() + backoffMs(failures, refreshMs, random());
    fault = problem.word;
    report(problem);
  }

  function reading(source: SnapshotSource): Reading {
    const { held } = memory;
    const said = fault === undefined ? {} : { fault };
    if (held === undefined) return { source: "none", ...said };
    return { held, ageMs: Math.max(0, now() - held.confirmedAt), source, ...said };
  }

  return async function read(waitUntil) {
    const confirmedAt = memory.held?.confirmedAt;
    const plan = planRefresh({ now: now(), confirmedAt, leaseUntil, failures, retryAt, refreshMs });
    if (plan === "use") return reading("memory");

    const refreshing = refresh();
    if (plan === "refresh") {
      waitUntil(refreshing.then((problem) => problem && failed(problem)));
      return reading("memory");
    }
    // The command may take longer than this request waits: a far Redis or a large snapshot would else never arrive.
    waitUntil(refreshing);
    const problem = await within(redisTimeoutMs, refreshing);
    if (problem !== undefined) failed(problem);
    return reading(problem === undefined ? "redis" : "memory");
  };
}

/** What the work resolves to, or the fault that it did not in time. */
async function within(ms: number, work: Promise<Fault | undefined>): Promise<Fault | undefined> {
  const late = Promise.withResolvers<Fault>();
  const fault = new Fault("redis-timeout", `Redis did not answer within ${ms} ms`);
  const timer = setTimeout(() => late.resolve(fault), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
