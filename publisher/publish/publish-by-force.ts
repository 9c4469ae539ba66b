import type pg from "pg";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { killedKeys, parseHead, parseSnapshot } from "../../shared/snapshot/snapshot.ts";
import { BUILDER, decidePublish, epochOf } from "./publish-decision.ts";
import { beginEpoch, readDivergence, readPublicationState, setActor } from "../postgres/publication.ts";
import { inTransaction } from "../postgres/postgres.ts";
import { publishOnce, type Published } from "./publisher.ts";
import type { Kills } from "../redis/kill-entry.ts";
import type { PublisherRedis, StoredTexts } from "../redis/redis.ts";
import { buildSnapshot } from "./snapshot-builder.ts";
import { readFlag, readSnapshotSource, updateFlag } from "../postgres/store.ts";

/** How a forced publish ended. */
export interface PublishedByForce extends Published {
  /** Flags that were on in this database and killed at the edge. They were switched off, so that nobody sees them again. */
  readonly switchedOff: readonly string[];
  /** False: a publish without force would have worked. */
  readonly wasContradicted: boolean;
}

/** The new epoch has begun in Postgres, but could not be published. `cause` says why. */
export class EpochBegunError extends Error {
  override readonly name = "EpochBegunError";
}

/**
 * Makes this database the truth, regardless of Redis: somebody has looked and decided. Begins an epoch that is newer
 * than both, first in Postgres, so that all publishers and workers accept it. That ends a divergence. Kills that a
 * restored backup lacks stay in force.
 *
 * @throws RedisFault or an error of pg before anything is changed; EpochBegunError afterwards
 */
export async function publishByForce(
  pool: pg.Pool,
  redis: PublisherRedis,
  now: Date,
): Promise<PublishedByForce> {
  const texts = await redis.readTexts();
  const kills = await redis.readKills();
  // Writes the kills back unchanged: a token that may not write must fail before the epoch begins.
  await redis.updateKills((same) => same);
  const wasContradicted = await isContradicted(pool, texts);
  const switchedOff = await inTransaction(pool, async (client) => {
    await setActor(client, "sluice: kill found at the edge");
    const state = await readPublicationState(client);
    const keys: string[] = [];
    for (const key of unknownKills(kills, texts, state)) {
      const row = await readFlag(client, key, { lock: true });
      if (row?.enabled !== true) continue;
      await updateFlag(client, key, { enabled: false });
      keys.push(key);
    }
    const noticed = (await readDivergence(client))?.redis.epoch ?? 0;
    await beginEpoch(client, Math.max(epochOf(texts.head), noticed));
    return keys;
  });
  try {
    const published = await publishOnce(pool, redis, now, { rewrite: true });
    return { ...published, switchedOff, wasContradicted };
  } catch (cause) {
    throw new EpochBegunError("the new epoch has begun, but was not published", { cause });
  }
}

/** Whether a publish without force would have stopped. */
async function isContradicted(pool: pg.Pool, { head, snapshot }: StoredTexts): Promise<boolean> {
  const source = await readSnapshotSource(pool);
  if (source.divergence !== undefined) return true;
  const stored = { head, snapshotBytes: Buffer.byteLength(snapshot ?? "") };
  const decision = decidePublish(stored, { ...source, ...(await buildSnapshot(source)), builder: BUILDER });
  return ["diverged", "behind", "outdated"].includes(decision.step);
}

/** Kills that Postgres never had, or lost. Kills of another database are not about these flags. */
function unknownKills(
  kills: Kills,
  { head: headText, snapshot }: StoredTexts,
  state: Version & { readonly databaseId: string },
): readonly string[] {
  const head = headText === null ? undefined : parseHead(headText);
  const isOurs = head !== undefined && "value" in head && head.value.database_id === state.databaseId;
  const off = new Map(
    [...kills].flatMap(([key, entry]) => (entry.off === undefined ? [] : [[key, entry.off]])),
  );
  const on = enabledKeys(snapshot);
  return [...killedKeys(off, state)].filter((key) => {
    const version = off.get(key);
    if (version === null || version === undefined) return true;
    // Enabled again after the kill, which this database may have lost, too: the last state at the edge counts.
    const isLifted = isOurs && compareVersions(version, head.value) <= 0 && on.has(key);
    return isOurs && !isLifted;
  });
}

/** Flags that are on in a snapshot; none if it cannot be read. */
function enabledKeys(snapshotText: string | null): ReadonlySet<string> {
  const parsed = snapshotText === null ? undefined : parseSnapshot(snapshotText);
  if (parsed === undefined || "problem" in parsed) return new Set();
  const flags = parsed.value.flags as readonly { readonly key?: string; readonly enabled?: boolean }[];
  return new Set(flags.flatMap(({ key, enabled }) => (enabled === true && key !== undefined ? [key] : [])));
}
