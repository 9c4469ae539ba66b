import type pg from "pg";
import { compareVersions } from "../shared/revision.ts";
import { parseHead } from "../shared/snapshot.ts";
import { readVersionOfYesterday } from "./flag-history.ts";
import { updateKill } from "./kill.ts";
import { holdersOf, record } from "./kill-entry.ts";
import { inTransaction } from "./postgres.ts";
import type { Kills, PublisherRedis } from "./redis.ts";
import { raiseRevision, readFlag, readPublicationState, setActor, updateFlag } from "./store.ts";

/**
 * Brings kills that reached the edge but not Postgres into Postgres: those from a time when it was down, of a
 * publisher that died in between, or set in Redis by hand. One that cannot be brought in does not stop the others.
 *
 * @returns the keys that were brought in
 * @throws AggregateError when some could not be
 */
export async function importKills(pool: pg.Pool, redis: PublisherRedis): Promise<readonly string[]> {
  const pending = pendingIn(await redis.readKills());
  const faults: unknown[] = [];
  for (const [key, holders] of pending) {
    await importKill(pool, redis, key, holders).catch((error: unknown) => faults.push(error));
  }
  if (faults.length > 0) {
    throw new AggregateError(faults, `${faults.length} of ${pending.length} kills could not be brought in`);
  }
  return pending.map(([key]) => key);
}

/** The same for one flag, if its kill is pending: to be called before it is enabled. */
export async function importKillOf(pool: pg.Pool, redis: PublisherRedis, key: string): Promise<void> {
  const pending = pendingIn(await redis.readKills()).find(([pendingKey]) => pendingKey === key);
  if (pending) await importKill(pool, redis, key, pending[1]);
}

/** Takes kills out of `off` that every snapshot has known of for a day: no reader holds anything that old. */
export async function pruneKills(pool: pg.Pool, redis: PublisherRedis): Promise<void> {
  const { head: headText } = await redis.readStored();
  const head = headText === null ? undefined : parseHead(headText);
  const yesterday = await readVersionOfYesterday(pool);
  if (head === undefined || "problem" in head || yesterday === undefined) return;
  const oldest = compareVersions(yesterday, head.value) < 0 ? yesterday : head.value;
  await redis.updateKills((kills) => {
    const kept = [...kills].filter(([, { off }]) => !off || compareVersions(off, oldest) > 0);
    return kept.length < kills.size ? new Map(kept) : undefined;
  });
}

function pendingIn(kills: Kills): readonly (readonly [string, readonly string[]])[] {
  return [...kills]
    .filter(([, entry]) => entry.off === null)
    .map(([key, entry]) => [key, holdersOf(entry)] as const);
}

/** @param holders whose kills these are: one that began after they were read is not in Postgres by this */
async function importKill(
  pool: pg.Pool,
  redis: PublisherRedis,
  key: string,
  holders: readonly string[],
): Promise<void> {
  const recorded = await inTransaction(pool, async (client) => {
    await setActor(client, "sluice: kill found at the edge");
    const row = await readFlag(client, key, { lock: true });
    if (row === undefined) return readPublicationState(client);
    if (row.enabled) await updateFlag(client, key, { enabled: false });
    return raiseRevision(client);
  });
  await updateKill(redis, key, (entry) => record(entry, holders, recorded));
}
