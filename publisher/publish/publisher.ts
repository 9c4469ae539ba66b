import type pg from "pg";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { SCHEMA, type Head } from "../../shared/snapshot/snapshot.ts";
import { startLoop } from "../process/background-loop.ts";
import { AHEAD, BUILDER, decidePublish } from "./publish-decision.ts";
import {
  DivergedError,
  openDivergence,
  raiseForRebuild,
  readDivergence,
  readPublicationState,
  type Divergence,
} from "../postgres/publication.ts";
import type { Log } from "../process/log.ts";
import { ForeseenFault, briefly } from "../problem/problem.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { buildSnapshot } from "./snapshot-builder.ts";
import { MAX_PUBLISHED_BYTES } from "./snapshot-segment.ts";
import { readSnapshotSource } from "../postgres/store.ts";

/** How a publish ended well. */
export interface Published extends Version {
  readonly digest: string;
  readonly bytes: number;
  /** False when Redis held it already. */
  readonly written: boolean;
  readonly invalid: ReadonlyMap<string, string>;
}

/** What Redis holds is of a newer publisher. */
export class OutdatedError extends ForeseenFault {
  override readonly name = "OutdatedError";
}

/** The snapshot is larger than workers take. */
export class TooLargeError extends ForeseenFault {
  override readonly name = "TooLargeError";
}

/** How often the comparison with Redis starts again because another publisher wrote in between. */
const MAX_SWAPS = 20;

/**
 * Brings Redis to where Postgres is: one consistent read, one atomic compare-and-set. Safe with any number of
 * publishers; killed at any instant, the next one does it again.
 *
 * @param options.rewrite writes although Redis seems to hold it, and over what only a newer publisher understands
 * @throws DivergedError, OutdatedError, TooLargeError, RedisFault, or what pg throws
 */
export async function publishOnce(
  pool: pg.Pool,
  redis: PublisherRedis,
  now: Date,
  { rewrite = false }: { readonly rewrite?: boolean } = {},
): Promise<Published> {
  const source = await readSnapshotSource(pool);
  if (source.divergence !== undefined) throw new DivergedError(source.divergence);
  const { epoch, revision, databaseId } = source;
  const { text, bytes, digest, invalid } = await buildSnapshot(source);
  if (bytes > MAX_PUBLISHED_BYTES) {
    // Published, it would stop every worker; as it is, they go on with the last one, and kills arrive.
    throw new TooLargeError(
      `the snapshot has ${bytes} bytes, and workers take ${MAX_PUBLISHED_BYTES}: plain SQL made it so large`,
    );
  }
  const published = { epoch, revision, digest, bytes, invalid };
  const head: Head & { readonly builder: number } = {
    schema: SCHEMA,
    epoch,
    revision,
    database_id: databaseId,
    digest,
    bytes,
    published_at: now.toISOString(),
    builder: BUILDER,
  };
  const again = () => publishOnce(pool, redis, now, { rewrite });

  /** Nothing is published from here on, unless somebody has just said what is right. */
  async function diverge(found: Parameters<typeof openDivergence>[2]): Promise<Published> {
    await openDivergence(pool, source, found);
    const divergence = await readDivergence(pool);
    if (divergence !== undefined) throw new DivergedError(divergence);
    return again();
  }

  for (let swaps = 0; swaps < MAX_SWAPS; swaps++) {
    const stored = await redis.readStored();
    const decision = decidePublish(stored, { epoch, revision, databaseId, digest, bytes, builder: BUILDER });
    switch (decision.step) {
      case "diverged":
        return diverge(decision);
      case "behind": {
        // Another publisher may have read a later state than we did; then Postgres has it by now.
        const state = await readPublicationState(pool);
        if (compareVersions(state, decision.redis) < 0) return diverge({ ...decision, why: AHEAD });
        return { ...published, written: false };
      }
      case "rebuild":
        await raiseForRebuild(pool, source);
        return again();
      case "current":
        if (!rewrite) return { ...published, written: false };
        break;
      case "outdated":
        if (rewrite) break;
        throw new OutdatedError(
          `Redis holds schema ${decision.schema}, and this publisher writes ${SCHEMA}: a newer one has published there. ` +
            "Update this one; to go back to it for good, run `sluice publish --force`",
        );
      case "publish":
    }
    const isWhole = rewrite || decision.step !== "publish" || decision.withSnapshot;
    const swapped = await redis.swapSnapshot(stored.head, JSON.stringify(head), isWhole ? text : undefined);
    if (swapped) return { ...published, written: true };
    // Another publisher came in between: look again.
  }
  throw new Error(`other publishers wrote ${MAX_SWAPS} times in between`);
}

/** What the publisher knows of Redis. */
export interface PublisherStatus {
  /** The newest version that Redis is known to hold; absent until the first publish, and while Redis contradicts it. */
  readonly published?: Version;
  /** Why the last attempt failed; absent after one that did not. */
  readonly fault?: string;
  /** Redis contradicts Postgres, as the last attempt found it. */
  readonly diverged?: Divergence;
}

/** Keeps Redis equal to Postgres. */
export interface Publisher {
  /**
   * Publishes soon; any number of requests while one publish runs become one more.
   *
   * @param version what there is to publish: nothing is done when Redis was brought to it meanwhile. Absent: not known
   */
  readonly request: (version?: Version) => void;
  /** Publishes, and waits until Redis has this version. @returns false when it has not within `timeoutMs`, or cannot */
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
  const waiting = new Set<{ readonly version: Version; readonly done: (isPublished: boolean) => void }>();
  let status: PublisherStatus = {};
  /** What the next run was asked for; undefined when only its time has come. */
  let wanted: Version | "unknown" | undefined;

  function request(version?: Version): void {
    if (version === undefined || wanted === "unknown") wanted = "unknown";
    else if (wanted === undefined || compareVersions(version, wanted) > 0) wanted = version;
    loop.request();
  }

  async function work(): Promise<void> {
    const version = wanted;
    wanted = undefined;
    const { published, fault } = status;
    // Postgres announces to us what we wrote and published ourselves: reading everything once more would find nothing.
    const isPublished =
      typeof version === "object" &&
      waiting.size === 0 &&
      fault === undefined &&
      published !== undefined &&
      compareVersions(published, version) >= 0;
    if (!isPublished) await publish();
  }

  async function publish(): Promise<void> {
    const result = await publishOnce(pool, redis, new Date());
    const { epoch, revision, bytes, invalid, written } = result;
    if (status.fault !== undefined) log("publish.recovered", { epoch, revision });
    if (written) log("publish.done", { epoch, revision, bytes, invalid: [...invalid.keys()].slice(0, 10) });
    status = { published: { epoch, revision } };
    for (const waiter of waiting) {
      if (compareVersions(result, waiter.version) >= 0) waiter.done(true);
    }
  }

  function fail(error: unknown): void {
    // In full: it tells the way out.
    const fault = error instanceof DivergedError ? error.message : briefly(error);
    if (status.fault !== fault) {
      log(error instanceof DivergedError ? "publish.diverged" : "publish.failed", { error: fault });
    }
    if (error instanceof DivergedError) {
      status = { fault, diverged: error.divergence };
      // Waiting does not help.
      for (const waiter of waiting) waiter.done(false);
    } else {
      status = { ...(status.published && { published: status.published }), fault };
    }
  }

  const loop = startLoop({ work, everyMs: reconcileMs, onError: fail });
  return {
    request,
    status: () => status,

    publishAtLeast(version, timeoutMs) {
      return new Promise((resolve) => {
        const finish = (isPublished: boolean) => {
          clearTimeout(timeout);
          waiting.delete(waiter);
          resolve(isPublished);
        };
        const waiter = { version, done: finish };
        const timeout = setTimeout(() => finish(false), timeoutMs);
        waiting.add(waiter);
        request(version);
      });
    },

    // What was acknowledged as published is; what was not is the next publisher's.
    stop: loop.stop,
  };
}
