import type pg from "pg";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { SCHEMA, type Head } from "../../shared/snapshot/snapshot.ts";
import { startLoop } from "../process/background-loop.ts";
import { readHeadHistory } from "./head-history.ts";
import { BUILDER, decidePublish } from "./publish-decision.ts";
import {
  DivergedError,
  openDivergence,
  raiseForRebuild,
  readDivergence,
  type Divergence,
} from "../postgres/publication.ts";
import type { Log } from "../process/log.ts";
import { ForeseenFault, briefly } from "../problem/problem.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { buildSnapshot, digestOfGated, type BuiltSnapshot } from "./snapshot-builder.ts";
import { MAX_PUBLISHED_BYTES } from "./snapshot-segment.ts";
import { readSnapshotSource } from "../postgres/store.ts";

/** A publish that succeeded. */
export interface Published extends Version, Omit<BuiltSnapshot, "text" | "gatedKeys"> {
  /** False if Redis had it already. */
  readonly written: boolean;
}

/** Redis has a head of a newer publisher. */
export class OutdatedError extends ForeseenFault {
  override readonly name = "OutdatedError";
}

/** The snapshot is larger than workers accept. */
export class TooLargeError extends ForeseenFault {
  override readonly name = "TooLargeError";
}

/** How often the comparison with Redis is repeated because another publisher wrote in between. */
const MAX_SWAPS = 20;

/**
 * Makes Redis equal to Postgres by one consistent read and one atomic compare-and-set. Safe with any number of
 * publishers. If the process is killed at any point, the next publish repeats the work.
 *
 * @param options.rewrite writes even if Redis seems to have the snapshot, or has a head of a newer publisher
 * @throws DivergedError, OutdatedError, TooLargeError, RedisFault, or an error of pg
 */
export async function publishOnce(
  pool: pg.Pool,
  redis: PublisherRedis,
  now: Date,
  { rewrite = false }: { readonly rewrite?: boolean } = {},
): Promise<Published> {
  const source = await readSnapshotSource(pool);
  if (source.divergence !== undefined) throw new DivergedError(source.divergence);
  const { epoch, revision, databaseId, lineageId } = source;
  const { text, bytes, digest, gatedKeys, invalid } = await buildSnapshot(source);
  if (bytes > MAX_PUBLISHED_BYTES) {
    // Workers would reject it. Unpublished, they continue with the last snapshot, and kills still arrive.
    throw new TooLargeError(
      `the snapshot has ${bytes} bytes, and workers accept ${MAX_PUBLISHED_BYTES}: plain SQL made it so large, so delete or shorten flags`,
    );
  }
  const published = { epoch, revision, digest, bytes, invalid };
  const candidate = { epoch, revision, databaseId, digest, bytes, builder: BUILDER, lineageId, gatedKeys };
  const head: Head & { readonly builder: number; readonly gated: string } = {
    schema: SCHEMA,
    epoch,
    revision,
    database_id: databaseId,
    digest,
    bytes,
    published_at: now.toISOString(),
    builder: BUILDER,
    ...(lineageId !== undefined && { lineage_id: lineageId }),
    gated: await digestOfGated(gatedKeys),
  };
  const again = () => publishOnce(pool, redis, now, { rewrite });

  /** Stops publishing, unless a new epoch has just begun. */
  async function diverge(found: Parameters<typeof openDivergence>[2]): Promise<Published> {
    await openDivergence(pool, source, found);
    const divergence = await readDivergence(pool);
    if (divergence !== undefined) throw new DivergedError(divergence);
    return again();
  }

  for (let swaps = 0; swaps < MAX_SWAPS; swaps++) {
    const stored = await redis.readStored();
    const history = await readHeadHistory(pool, redis, stored.head, candidate);
    if (history === "changed") continue;
    const decision = decidePublish(stored, candidate, history);
    switch (decision.step) {
      case "diverged":
        return diverge(decision);
      case "behind":
        return { ...published, written: false };
      case "rebuild":
        await raiseForRebuild(pool, source);
        return again();
      case "current":
        if (!rewrite) return { ...published, written: false };
        break;
      case "outdated":
        if (rewrite) break;
        throw new OutdatedError(
          `Redis has schema ${decision.schema} of a newer publisher, and this publisher writes schema ${SCHEMA}: update this ` +
            "publisher, or run `sluice publish --force` to stay with the older version",
        );
      case "publish":
    }
    const isWhole = rewrite || decision.step !== "publish" || decision.withSnapshot;
    const swapped = await redis.swapSnapshot(stored.head, JSON.stringify(head), isWhole ? text : undefined);
    if (swapped) return { ...published, written: true };
    // Another publisher wrote in between: compare again.
  }
  throw new Error(`other publishers wrote to Redis ${MAX_SWAPS} times in between: try again`);
}

/** What the publisher knows about Redis. */
export interface PublisherStatus {
  /** The newest version that Redis is known to have; absent until the first publish, and while Redis contradicts it. */
  readonly published?: Version;
  /** Why the last attempt failed; absent after a success. */
  readonly fault?: string;
  /** The divergence that the last attempt found. */
  readonly diverged?: Divergence;
}

/** Keeps Redis equal to Postgres. */
export type Publisher = ReturnType<typeof startPublisher>;

/**
 * Runs the publishing loop.
 *
 * @param options.reconcileMs how often Redis is compared with Postgres without a change: repairs a Redis that was flushed
 * or set back
 */
export function startPublisher(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly log: Log;
  readonly reconcileMs: number;
}) {
  const { pool, redis, log, reconcileMs } = options;
  const waiting = new Set<{ readonly version: Version; readonly done: (isPublished: boolean) => void }>();
  let status: PublisherStatus = {};
  /** The version that was requested for the next run; undefined for a periodic run. */
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
    // Postgres also announces our own writes, which are published already: no need to read everything again.
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
    // In full, because it says how to end the divergence.
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
    /**
     * Publishes soon. Any number of requests during a publish cause one more.
     *
     * @param version the version to publish, if known: does nothing if Redis has it by then
     */
    request,

    status: (): PublisherStatus => status,

    /** Publishes, and waits until Redis has this version. @returns false if it does not within `timeoutMs`, or cannot */
    publishAtLeast: (version: Version, timeoutMs: number): Promise<boolean> =>
      new Promise((resolve) => {
        const finish = (isPublished: boolean) => {
          clearTimeout(timeout);
          waiting.delete(waiter);
          resolve(isPublished);
        };
        const waiter = { version, done: finish };
        const timeout = setTimeout(() => finish(false), timeoutMs);
        waiting.add(waiter);
        request(version);
      }),

    /** Waits for the current publish, and starts no other. The next publisher publishes the rest. */
    stop: loop.stop,
  };
}
