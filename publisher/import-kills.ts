import type pg from "pg";
import { compareVersions } from "../shared/revision.ts";
import { parseHead } from "../shared/snapshot.ts";
import { readVersionOfYesterday } from "./change-history.ts";
import { updateKill } from "./kill.ts";
import { holdersOf, record } from "./kill-entry.ts";
import { inTransaction } from "./postgres.ts";
import type { Publisher } from "./publisher.ts";
import type { Kills, PublisherRedis } from "./redis.ts";
import { raiseRevision, readFlag, readPublicationState, setActor, updateFlag } from "./store.ts";

/** What bringing a kill in needs. */
export interface KillImport {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly publisher: Pick<Publisher, "publishAtLeast">;
}

/** How long a kill that is recorded waits for the snapshot that has it, in milliseconds. */
const PUBLISH_TIMEOUT_MS = 3_000;

/**
 * Brings kills that reached the edge but not Postgres into Postgres: those from a time when it was down, of a
 * publisher that died in between, or set in Redis by hand. One that cannot be brought in does not stop the others.
 *
 * @returns the keys that were brought in; without those that Postgres has, and the edge's snapshot not yet
 * @throws AggregateError when some could not be
 */
export async function importKills(parts: KillImport): Promise<readonly string[]> {
  const pending = pendingIn(await parts.redis.readKills());
  const faults: unknown[] = [];
  const imported: string[] = [];
  for (const [key, holders] of pending) {
    try {
      if (await importKill(parts, key, holders)) imported.push(key);
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) {
    throw new AggregateError(faults, `${faults.length} of ${pending.length} kills could not be brought in`);
  }
  return imported;
}

/**
 * The same for one flag, if its kill is pending: to be called before it is enabled.
 *
 * @returns false when it is pending still: what is enabled then would be switched off by it later
 */
export async function importKillOf(parts: KillImport, key: string): Promise<boolean> {
  const pending = pendingIn(await parts.redis.readKills()).find(([pendingKey]) => pendingKey === key);
  return pending === undefined || importKill(parts, key, pending[1]);
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

/**
 * The edge is told of the version only once it is published: a Redis that contradicts Postgres may hold one that is
 * higher and does not have the kill, so that naming ours would lift it.
 *
 * @param holders whose kills these are: one that began after they were read is not in Postgres by this
 */
async function importKill(
  { pool, redis, publisher }: KillImport,
  key: string,
  holders: readonly string[],
): Promise<boolean> {
  const recorded = await inTransaction(pool, async (client) => {
    await setActor(client, "sluice: kill found at the edge");
    const row = await readFlag(client, key, { lock: true });
    if (row === undefined) return readPublicationState(client);
    if (row.enabled) await updateFlag(client, key, { enabled: false });
    return raiseRevision(client);
  });
  if (!(await publisher.publishAtLeast(recorded, PUBLISH_TIMEOUT_MS))) return false;
  await updateKill(redis, key, (entry) => record(entry, holders, recorded));
  return true;
}
