import type pg from "pg";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { parseHead } from "../../shared/snapshot/snapshot.ts";
import { readVersionOfYesterday } from "../postgres/change-history.ts";
import { updateKill } from "./edge-kill.ts";
import { holdersOf, record, type Kills } from "../redis/kill-entry.ts";
import { inTransaction } from "../postgres/postgres.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { readFlag, updateFlag } from "../postgres/store.ts";
import { NEVER, raiseRevision, readPublicationState, setActor } from "../postgres/publication.ts";

/** What bringing a kill in needs. */
export interface KillImport {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly publisher: Pick<Publisher, "publishAtLeast">;
}

/** Some kills could not be brought in; they stay pending. */
export class KillImportError extends AggregateError {
  override readonly name = "KillImportError";
  /** What kept each of them out, by flag key. */
  readonly faults: ReadonlyMap<string, unknown>;

  constructor(faults: ReadonlyMap<string, unknown>, pending: number) {
    super([...faults.values()], `${faults.size} of ${pending} kills could not be brought in`);
    this.faults = faults;
  }
}

/** How long a kill that is recorded waits for the snapshot that has it, in milliseconds. */
const PUBLISH_TIMEOUT_MS = 3_000;

/**
 * Brings kills that reached the edge but not Postgres into Postgres: those from a time when it was down, of a
 * publisher that died in between, or set in Redis by hand. One that cannot be brought in does not stop the others.
 *
 * @returns the keys that were brought in; without those that Postgres has, and the edge's snapshot not yet
 * @throws KillImportError when some could not be
 */
export async function importKills(parts: KillImport): Promise<readonly string[]> {
  const pending = pendingIn(await parts.redis.readKills());
  const faults = new Map<string, unknown>();
  const recorded: RecordedKill[] = [];
  // All of them first: the snapshot that one waits for may be long in coming.
  for (const [key, holders] of pending) {
    await recordKill(parts.pool, key, holders).then(
      (kill) => void recorded.push(kill),
      (error: unknown) => void faults.set(key, error),
    );
  }
  const imported = await settleKills(parts, recorded);
  if (faults.size > 0) throw new KillImportError(faults, pending.length);
  return imported;
}

/**
 * The same for one flag, if its kill is pending: to be called before it is enabled.
 *
 * @returns false when it is pending still: what is enabled then would be switched off by it later
 */
export async function importKillOf(parts: KillImport, key: string): Promise<boolean> {
  const pending = pendingIn(await parts.redis.readKills()).find(([pendingKey]) => pendingKey === key);
  if (pending === undefined) return true;
  const imported = await settleKills(parts, [await recordKill(parts.pool, ...pending)]);
  return imported.length > 0;
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

/** A kill that Postgres has since this version. */
interface RecordedKill {
  readonly key: string;
  /** Whose kills these are: one that began after they were read is not in Postgres by this. */
  readonly holders: readonly string[];
  readonly version: Version;
}

async function recordKill(pool: pg.Pool, key: string, holders: readonly string[]): Promise<RecordedKill> {
  const version = await inTransaction(pool, async (client) => {
    await setActor(client, "sluice: kill found at the edge");
    const row = await readFlag(client, key, { lock: true });
    if (row === undefined) return readPublicationState(client);
    if (row.enabled) await updateFlag(client, key, { enabled: false });
    await raiseRevision(client);
    return readPublicationState(client);
  });
  return { key, holders, version };
}

/**
 * Tells the edge of the versions, once they are published: a Redis that contradicts Postgres may hold one that is higher
 * and does not have the kill, so that naming ours would lift it.
 *
 * @returns the keys that the edge was told of
 */
async function settleKills(
  { redis, publisher }: KillImport,
  kills: readonly RecordedKill[],
): Promise<readonly string[]> {
  const newest = kills.reduce<Version>(
    (newest, { version }) => (compareVersions(version, newest) > 0 ? version : newest),
    NEVER,
  );
  if (kills.length === 0 || !(await publisher.publishAtLeast(newest, PUBLISH_TIMEOUT_MS))) return [];
  for (const { key, holders, version } of kills) {
    await updateKill(redis, key, (entry) => record(entry, holders, version));
  }
  return kills.map(({ key }) => key);
}
