import type { SnapshotSource } from "../../shared/x-flags/flags-header.ts";
import { WorkerFault, type FaultWord, type Report } from "../isolate/fault.ts";
import { createLease, randomDueAge } from "../isolate/lease.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import type { CachedSnapshot } from "./cached-snapshot.ts";
import type { Colo } from "./colo.ts";
import { load, type Memory } from "./load.ts";
import type { Store } from "./redis.ts";

/** The snapshot that a request evaluates. */
export interface Reading {
  /** Undefined while this isolate has none: every flag is off. */
  readonly cached?: CachedSnapshot;
  /** How long ago it was last confirmed; absent while there is none. */
  readonly ageMs?: number;
  /** How long ago Redis last reported the kills; less than `ageMs` where the head beside them was refused. */
  readonly killsAgeMs?: number;
  readonly source: SnapshotSource;
  /** How long ago it replaced an older version; absent when this isolate began with it. */
  readonly sinceMs?: number;
  /** Why the last refresh failed, or else which defect the snapshot has. */
  readonly fault?: FaultWord;
}

/** Returns the snapshot to evaluate. Never rejects, and waits for cache and Redis together up to `redisTimeoutMs`. */
export type SnapshotReader = (waitUntil: WaitUntil) => Promise<Reading>;

export interface ReaderOptions {
  readonly store: Store;
  readonly colo: Colo;
  readonly refreshMs: number;
  readonly redisTimeoutMs: number;
  /** How long a refresh may be under way before another may start. */
  readonly leaseMs: number;
  readonly report: Report;
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Makes the reader that all requests of an isolate share. They share its memory, never each other's I/O. */
export function createSnapshotReader(options: ReaderOptions): SnapshotReader {
  const { store, colo, refreshMs, redisTimeoutMs, leaseMs, report } = options;
  const { now = Date.now, random = Math.random } = options;
  const sources = { store, colo, now, refreshMs };
  const memory: Memory = { cached: undefined, killsAt: undefined };
  let dueMs = refreshMs;
  let fault: FaultWord | undefined;
  const late = (): WorkerFault =>
    new WorkerFault("redis-timeout", `Redis did not answer within ${redisTimeoutMs} ms`);

  const lease = createLease<SnapshotSource>({
    async work(waitUntil) {
      const before = memory.cached?.confirmedAt;
      const source = await load(memory, sources, waitUntil);
      fault = undefined;
      if (memory.cached?.confirmedAt !== before) dueMs = randomDueAge(refreshMs, random());
      if (memory.cached?.defect !== undefined) report(memory.cached.defect);
      return source;
    },
    refreshMs,
    maxBackoffMs: refreshMs,
    leaseMs,
    patienceMs: redisTimeoutMs,
    late,
    onFailure(problem) {
      fault = problem.word;
      report(problem);
    },
    now,
    random,
  });

  function reading(source: SnapshotSource): Reading {
    const { cached } = memory;
    const word = fault ?? cached?.defect?.word;
    const reported = word === undefined ? {} : { fault: word };
    if (cached === undefined) return { source: "none", ...reported };
    const since = (at: number): number => Math.max(0, now() - at);
    return {
      cached,
      ageMs: since(cached.confirmedAt),
      killsAgeMs: since(Math.max(cached.confirmedAt, memory.killsAt ?? 0)),
      ...(cached.changedAt !== undefined && { sinceMs: since(cached.changedAt) }),
      source,
      ...reported,
    };
  }

  return async function read(waitUntil) {
    const confirmedAt = memory.cached?.confirmedAt;
    const plan = lease.plan(confirmedAt, dueMs);
    if (plan === "refresh") lease.refresh(waitUntil);
    if (plan === "follow") {
      const isDone = await lease.follow(() => memory.cached?.confirmedAt !== confirmedAt);
      // The refresh that this request followed may be one in the background, which no request waits for.
      if (!isDone) lease.fail(late());
    }
    if (plan !== "wait") return reading("memory");
    const outcome = await lease.wait(waitUntil);
    return reading(outcome instanceof WorkerFault ? "memory" : outcome);
  };
}
