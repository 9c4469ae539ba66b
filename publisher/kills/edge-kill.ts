import { randomUUID } from "node:crypto";
import type { Version } from "../../shared/snapshot/revision.ts";
import { hold, record, release, type KillEntry } from "../redis/kill-entry.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { withinTime } from "../process/within-time.ts";

/** How long a kill waits for the edge before it goes on to Postgres, in milliseconds. */
const EDGE_TIMEOUT_MS = 2_000;

/** A kill that is under way at the edge. None of its methods rejects; each waits for the edge for a while at most. */
export interface EdgeKill {
  /** Holds the flag off until Postgres has it. @returns whether the edge is known to know of it */
  hold(): Promise<boolean>;
  /** Postgres has it since this version: from there on the snapshot decides. */
  record(version: Version): Promise<void>;
  /** It was refused: as it was before, unless other kills are under way. */
  release(): Promise<void>;
}

/**
 * Switches a flag off at the edge, before Postgres knows of it: works with Postgres locked or down, and never waits
 * for a snapshot.
 *
 * @param onFault what kept the edge from hearing of it; it may have heard all the same
 */
export function createEdgeKill(
  redis: PublisherRedis,
  key: string,
  onFault: (error: unknown) => void,
): EdgeKill {
  const holder = randomUUID();
  let last: Promise<boolean> = Promise.resolve(true);

  /** One after the other, also those that nobody waits for any more. */
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
    hold: () => send((entry) => hold(entry, holder)),
    record: async (version) => void (await send((entry) => record(entry, [holder], version))),
    release: async () => void (await send((entry) => release(entry, holder))),
  };
}

/** Changes one flag's kill. */
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
