import type pg from "pg";
import { compareVersions, type Version } from "../shared/revision.ts";
import { SCHEMA, parseHead, type Head } from "../shared/snapshot.ts";
import { startLoop } from "./background-loop.ts";
import type { Log } from "./log.ts";
import { briefly } from "./problem.ts";
import { decidePublish } from "./publish-decision.ts";
import type { PublisherRedis } from "./redis.ts";
import { buildSnapshot } from "./snapshot-builder.ts";
import { beginEpoch, readPublicationState, readSnapshotSource } from "./store.ts";

/** Redis and Postgres contradict each other; nothing is published until somebody says which is right. */
export interface Divergence {
  readonly redis: Version;
  readonly why: string;
}

/** Redis contradicts Postgres. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    super(
      `${divergence.why} (Redis: epoch ${divergence.redis.epoch}, revision ${divergence.redis.revision}). Nothing is ` +
        "published until you say which is right: `sluice publish --force` makes this database the truth.",
    );
    this.divergence = divergence;
  }
}

/** How a publish ended well. */
export interface Published extends Version {
  readonly digest: string;
  readonly bytes: number;
  /** False when Redis held it already. */
  readonly written: boolean;
  readonly invalid: ReadonlyMap<string, string>;
}

/** How often the comparison with Redis starts again because another publisher wrote in between. */
const MAX_SWAPS = 20;

/**
 * Brings Redis to where Postgres is: one consistent read, one atomic compare-and-set. Safe with any number of
 * publishers; killed at any instant, the next one does it again.
 *
 * @throws DivergedError, RedisFault, or what pg throws
 */
export async function publishOnce(pool: pg.Pool, redis: PublisherRedis, now: Date): Promise<Published> {
  const source = await readSnapshotSource(pool);
  const { epoch, revision, databaseId } = source;
  const { text, bytes, digest, invalid } = await buildSnapshot(source);
  const published = { epoch, revision, digest, bytes, invalid };
  const head: Head = {
    schema: SCHEMA,
    epoch,
    revision,
    database_id: databaseId,
    digest,
    bytes,
    published_at: now.toISOString(),
  };

  for (let swaps = 0; swaps < MAX_SWAPS; swaps++) {
    const stored = await redis.readStored();
    const decision = decidePublish(stored, { epoch, revision, databaseId, digest, bytes });
    switch (decision.step) {
      case "current":
        return { ...published, written: false };
      case "diverged":
        throw new DivergedError(decision);
      case "behind": {
        // Another publisher may have read a later state than we did; then Postgres has it by now.
        const state = await readPublicationState(pool);
        if (compareVersions(state, decision.redis) < 0) {
          throw new DivergedError({ redis: decision.redis, why: "Redis is ahead of Postgres" });
        }
        return { ...published, written: false };
      }
      case "publish": {
        const snapshot = decision.withSnapshot ? text : undefined;
        const swapped = await redis.swapSnapshot(stored.head, JSON.stringify(head), snapshot);
        if (swapped) return { ...published, written: true };
        // Another publisher came in between: look again.
      }
    }
  }
  throw new Error(`other publishers wrote ${MAX_SWAPS} times in between`);
}

/**
 * Makes this database the truth, whatever Redis holds: somebody has looked and decided. Begins an epoch that is newer
 * than both, in Postgres first, so that every publisher and every worker goes along.
 *
 * @throws RedisFault, or what pg throws
 */
export async function publishByForce(pool: pg.Pool, redis: PublisherRedis, now: Date): Promise<Published> {
  const { head } = await redis.readStored();
  const parsed = head === null ? undefined : parseHead(head);
  const theirs = parsed !== undefined && "value" in parsed ? parsed.value.epoch : 0;
  await beginEpoch(pool, theirs);
  return publishOnce(pool, redis, now);
}

/** What the publisher knows of Redis. */
export interface PublisherStatus {
  /** The newest version that Redis is known to hold; absent until the first publish. */
  readonly published?: Version;
  /** Why the last attempt failed; absent after one that did not. */
  readonly fault?: string;
  readonly diverged?: Divergence;
}

/** Keeps Redis equal to Postgres. */
export interface Publisher {
  /** Publishes soon; any number of requests while one publish runs become one more. */
  readonly request: () => void;
  /** Publishes, and waits until Redis has this version. @returns false when it has not within `timeoutMs` */
  readonly publishAtLeast: (version: Version, timeoutMs: number) => Promise<boolean>;
  readonly status: () => PublisherStatus;
  /** Finishes the publish that runs, and starts no other. */
  readonly stop: () => Promise<void>;
}

/**
 * Runs the publishing loop.
 *
 * @param options.reconcileMs how often Redis is compared with Postgres although nothing was announced: finds a flushed
 * or older Redis by itself
 */
export function startPublisher(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly log: Log;
  readonly reconcileMs?: number;
}): Publisher {
  const { pool, redis, log, reconcileMs = 10_000 } = options;
  const waiting = new Set<{ readonly version: Version; readonly done: () => void }>();
  let status: PublisherStatus = {};

  async function publish(): Promise<void> {
    const result = await publishOnce(pool, redis, new Date());
    const { epoch, revision, bytes, invalid, written } = result;
    if (status.fault !== undefined) log("publish.recovered", { epoch, revision });
    if (written) log("publish.done", { epoch, revision, bytes, invalid: [...invalid.keys()].slice(0, 10) });
    status = { published: { epoch, revision } };
    for (const waiter of waiting) {
      if (compareVersions(result, waiter.version) >= 0) waiter.done();
    }
  }

  function fail(error: unknown): void {
    const fault = briefly(error);
    if (status.fault !== fault) log("publish.failed", { error: fault });
    status = {
      ...(status.published && { published: status.published }),
      fault,
      ...(error instanceof DivergedError && { diverged: error.divergence }),
    };
  }

  const loop = startLoop({ work: publish, everyMs: reconcileMs, onError: fail });
  return {
    request: loop.request,
    status: () => status,

    publishAtLeast(version, timeoutMs) {
      return new Promise((resolve) => {
        const finish = (isPublished: boolean) => {
          clearTimeout(timeout);
          waiting.delete(waiter);
          resolve(isPublished);
        };
        const waiter = { version, done: () => finish(true) };
        const timeout = setTimeout(() => finish(false), timeoutMs);
        waiting.add(waiter);
        loop.request();
      });
    },

    // What was acknowledged as published is; what was not is the next publisher's.
    stop: loop.stop,
  };
}
