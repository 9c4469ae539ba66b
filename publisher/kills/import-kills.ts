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

/** What an import of kills needs. */
export interface KillImport {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly publisher: Pick<Publisher, "publishAtLeast">;
}

/** Some kills could not be imported. They stay pending. */
export class KillImportError extends AggregateError {
  override readonly name = "KillImportError";
  /** Why each of them failed, by flag key. */
  readonly faults: ReadonlyMap<string, unknown>;

  constructor(faults: ReadonlyMap<string, unknown>, pending: number) {
    super([...faults.values()], `${faults.size} of ${pending} kills could not be imported`);
    this.faults = faults;
  }
}

/** How long a recorded kill waits for its snapshot to be published, in milliseconds. */
const PUBLISH_TIMEOUT_MS = 3_000;

/**
 * Imports kills that reached Redis but not Postgres: Postgres was down, a publisher died in between, or somebody wrote
 * them into Redis by hand. A kill that fails does not stop the others.
 *
 * @returns the keys of imported kills; not of those that Postgres has, but no published snapshot yet
 * @throws KillImportError if some failed
 */
export async function importKills(parts: KillImport): Promise<readonly string[]> {
  const pending = pendingIn(await parts.redis.readKills());
  const faults = new Map<string, unknown>();
  const recorded: RecordedKill[] = [];
  // All of them first: publishing the snapshot of one of them may take long.
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
 * Imports the pending kill of one flag, if there is one. To be called before the flag is enabled.
 *
 * @returns false if the kill is still pending: it would switch the flag off again later
 */
export async function importKillOf(parts: KillImport, key: string): Promise<boolean> {
  const pending = pendingIn(await parts.redis.readKills()).find(([pendingKey]) => pendingKey === key);
  if (pending === undefined) return true;
  const imported = await settleKills(parts, [await recordKill(parts.pool, ...pending)]);
  return imported.length > 0;
}

/** Removes kills from `off` that all snapshots of the last day have: no worker uses an older snapshot. */
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

/** A kill that Postgres has. */
interface RecordedKill {
  readonly key: string;
  /** The ids of the recorded kills. A kill that began after they were read is not among them. */
  readonly holders: readonly string[];
  /** The version since which Postgres has it. */
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
 * Writes the versions into Redis, once they are published. If Redis contradicts Postgres, its snapshot may have a higher
 * version without the kill: naming our version would then end the kill.
 *
 * @returns the keys whose versions were written
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
