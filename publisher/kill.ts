import type pg from "pg";
import { setActor, raiseRevision, readPublicationState, updateFlag, readFlag } from "./store.ts";
import { inTransaction } from "./postgres.ts";
import type { PublisherRedis } from "./redis.ts";
import type { Version } from "../shared/revision.ts";

/**
 * Switches a flag off at the edge, before Postgres knows of it: works with Postgres locked or down, and never waits
 * for a snapshot. Until `confirmKill`, the flag is off whatever any snapshot says.
 */
export function killAtEdge(redis: PublisherRedis, key: string): Promise<void> {
  return redis.updateOff(key, () => null);
}

/** Says at which version Postgres has the kill: from there on, the snapshot decides. */
export function confirmKill(redis: PublisherRedis, key: string, recorded: Version): Promise<void> {
  return redis.updateOff(key, (entry) => (entry === null ? recorded : undefined));
}

/**
 * Brings kills that reached the edge but not Postgres into Postgres: those from a time when it was down, of a
 * publisher that died in between, or set in Redis by hand.
 *
 * @returns the keys that were brought in
 */
export async function importKills(pool: pg.Pool, redis: PublisherRedis): Promise<readonly string[]> {
  const pending = [...(await redis.readOff())].filter(([, recorded]) => recorded === null);
  for (const [key] of pending) await importKill(pool, redis, key);
  return pending.map(([key]) => key);
}

/** The same for one flag, if its kill is pending: to be called before it is enabled. */
export async function importKillOf(pool: pg.Pool, redis: PublisherRedis, key: string): Promise<void> {
  const off = await redis.readOff();
  if (off.get(key) === null) await importKill(pool, redis, key);
}

async function importKill(pool: pg.Pool, redis: PublisherRedis, key: string): Promise<void> {
  const recorded = await inTransaction(pool, async (client) => {
    await setActor(client, "sluice: kill found at the edge");
    const row = await readFlag(client, key, { lock: true });
    if (row === undefined) return readPublicationState(client);
    if (row.enabled) await updateFlag(client, key, { enabled: false });
    return raiseRevision(client);
  });
  await confirmKill(redis, key, recorded);
}
