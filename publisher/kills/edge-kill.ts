import { randomUUID } from "node:crypto";
import type { Version } from "../../shared/snapshot/revision.ts";
import { hold, record, release, type KillEntry } from "../redis/kill-entry.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { withinTime } from "../process/within-time.ts";

/** How long a kill waits for Redis before it continues with Postgres, in milliseconds. */
const EDGE_TIMEOUT_MS = 2_000;

/**
 * Switches a flag off at the edge before Postgres has the kill. Works while Postgres is locked or down, and never waits
 * for a snapshot. The methods of the result never reject, and wait for a limited time.
 *
 * @param onFault called when Redis does not confirm the kill; Redis may have it nevertheless
 */
export function createEdgeKill(redis: PublisherRedis, key: string, onFault: (error: unknown) => void) {
  const holder = randomUUID();
  let last: Promise<boolean> = Promise.resolve(true);

  /** Runs changes one after the other, also after their caller stopped waiting. */
  function send(change: (entry: KillEntry) => KillEntry | undefined): Promise<boolean> {
    last = last
      .then(() => updateKill(redis, key, change))
      .then(() => true)
      .catch((error: unknown) => {
        onFault(error);
        return false;
      });
    return withinTime(EDGE_TIMEOUT_MS, last, () => false);
  }

  return {
    /** Keeps the flag off until Postgres has the kill. @returns whether Redis is known to have it */
    hold: () => send((entry) => hold(entry, holder)),
    /** Postgres has the kill since this version: newer snapshots decide. */
    record: async (version: Version) => void (await send((entry) => record(entry, [holder], version))),
    /** Undoes the kill after Postgres refused it, unless other kills are still running. */
    release: async () => void (await send((entry) => release(entry, holder))),
  };
}

/** Changes the kill of one flag. */
export function updateKill(
  redis: PublisherRedis,
  key: string,
  change: (entry: KillEntry) => KillEntry | undefined,
): Promise<void> {
  return redis.updateKills((kills) => {
    const entry = change(kills.get(key) ?? { off: undefined, holders: [], recorded: undefined });
    return entry && new Map(kills).set(key, entry);
  });
}
