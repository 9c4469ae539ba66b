import type { SnapshotSource } from "../../shared/x-flags/flags-header.ts";
import { Fault, toFault, type FaultWord } from "../isolate/fault.ts";
import { backoffMs, drawDueAge, planRefresh } from "../isolate/freshness.ts";
import type { Colo } from "./colo.ts";
import type { Held } from "./held.ts";
import { load, type Memory } from "./load.ts";
import { within } from "../isolate/within.ts";
import type { Store } from "./redis.ts";
import type { Report } from "../isolate/report.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";

/** What a request evaluates. */
export interface Reading {
  /** Undefined while nothing is held: every flag is off. */
  readonly held?: Held;
  /** How long ago that was last confirmed; absent while nothing is held. */
  readonly ageMs?: number;
  /** How long ago Redis last told what is killed; less than `ageMs` where the head beside it was refused. */
  readonly killsAgeMs?: number;
  readonly source: SnapshotSource;
  /** How long ago that took the place of an older version; absent when this isolate began with it. */
  readonly sinceMs?: number;
  /** Why the last refresh failed, or else what in the snapshot could not be understood. */
  readonly fault?: FaultWord;
}

/** Gives the flags to evaluate; never rejects, and waits for cache and Redis together no longer than `redisTimeoutMs`. */
export type SnapshotReader = (waitUntil: WaitUntil) => Promise<Reading>;

export interface ReaderOptions {
  readonly store: Store;
  readonly colo: Colo;
  readonly refreshMs: number;
  readonly redisTimeoutMs: number;
  /** How long a refresh may be under way before another may begin. */
  readonly leaseMs: number;
  readonly report: Report;
  readonly now?: () => number;
  readonly random?: () => number;
}

/** How often a request looks whether another one's refresh is done, in milliseconds. */
const LOOK_MS = 5;

/** Makes the reader that all requests of an isolate share. They share its memory, never each other's I/O. */
export function createSnapshotReader(options: ReaderOptions): SnapshotReader {
  const { store, colo, refreshMs, redisTimeoutMs, leaseMs, report } = options;
  const { now = Date.now, random = Math.random } = options;
  const sources = { store, colo, now, refreshMs };
  const memory: Memory = { held: undefined, killsAt: undefined };
  let leaseUntil = 0;
  let dueMs = refreshMs;
  let retryAt = 0;
  let failures = 0;
  let fault: FaultWord | undefined;

  /** Resolves to where the flags came from, or to what went wrong; never rejects. */
  async function refresh(waitUntil: WaitUntil): Promise<SnapshotSource | Fault> {
    leaseUntil = now() + leaseMs;
    const before = memory.held?.confirmedAt;
    try {
      const source = await load(memory, sources, waitUntil);
      failures = 0;
      retryAt = 0;
      fault = undefined;
      if (memory.held?.confirmedAt !== before) dueMs = drawDueAge(refreshMs, random());
      if (memory.held?.defect !== undefined) report(memory.held.defect);
      return source;
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
    const word = fault ?? held?.defect?.word;
    const said = word === undefined ? {} : { fault: word };
    if (held === undefined) return { source: "none", ...said };
    const since = (at: number): number => Math.max(0, now() - at);
    return {
      held,
      ageMs: since(held.confirmedAt),
      killsAgeMs: since(Math.max(held.confirmedAt, memory.killsAt ?? 0)),
      ...(held.changedAt !== undefined && { sinceMs: since(held.changedAt) }),
      source,
      ...said,
    };
  }

  /** Waits until another request's refresh has come to something, looking by timers of its own. */
  async function follow(confirmedAt: number | undefined): Promise<void> {
    for (let waited = 0; waited < redisTimeoutMs; waited += LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (memory.held?.confirmedAt !== confirmedAt || now() >= leaseUntil || failures > 0) return;
    }
    // The one that is followed may be in no hurry: nobody waits for it after this.
    if (failures === 0) failed(lateFault(redisTimeoutMs));
  }

  return async function read(waitUntil) {
    const confirmedAt = memory.held?.confirmedAt;
    const plan = planRefresh({ now: now(), confirmedAt, leaseUntil, failures, retryAt, refreshMs, dueMs });
    if (plan === "use") return reading("memory");

    if (plan === "follow") {
      await follow(confirmedAt);
      return reading("memory");
    }
    const refreshing = refresh(waitUntil);
    if (plan === "refresh") {
      waitUntil(refreshing.then((outcome) => outcome instanceof Fault && failed(outcome)));
      return reading("memory");
    }
    // It may take longer than this request waits: a far Redis or a large snapshot would else never arrive.
    waitUntil(refreshing);
    const outcome = await inTime(redisTimeoutMs, refreshing);
    if (!(outcome instanceof Fault)) return reading(outcome);
    failed(outcome);
    return reading("memory");
  };
}

/** What a refresh came to, or the fault that it did not in time. */
async function inTime(
  ms: number,
  refreshing: Promise<SnapshotSource | Fault>,
): Promise<SnapshotSource | Fault> {
  const late = lateFault(ms);
  return within(ms, refreshing, () => late).catch(() => late);
}

function lateFault(ms: number): Fault {
  return new Fault("redis-timeout", `Redis did not answer within ${ms} ms`);
}
