import type pg from "pg";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { isObject } from "../../shared/flag/members.ts";
import { parseHead, type Head } from "../../shared/snapshot/snapshot.ts";
import { readSnapshotFlags, readHeadHistory } from "./head-history.ts";
import { BUILDER, databaseIdOf, decidePublish, epochOf } from "./publish-decision.ts";
import {
  beginEpoch,
  raiseRevision,
  readDivergence,
  readPublicationState,
  setActor,
} from "../postgres/publication.ts";
import { inTransaction } from "../postgres/postgres.ts";
import { publishOnce, type Published } from "./publisher.ts";
import { holdersOf, record, type Kills } from "../redis/kill-entry.ts";
import type { PublisherRedis, StoredTexts } from "../redis/redis.ts";
import { buildSnapshot } from "./snapshot-builder.ts";
import { readEnabledKeys, readFlag, readSnapshotSource, updateFlag } from "../postgres/store.ts";

/** How a forced publish ended. */
export interface PublishedByForce extends Published {
  /** Flags that were on in this database and off at the edge. They were switched off, so that nobody sees them again. */
  readonly switchedOff: readonly string[];
  /** Flags that were off at the edge and are on now. */
  readonly turnedOn: readonly string[];
  /** False: a publish without force would have worked. */
  readonly wasContradicted: boolean;
}

/** The new epoch has begun in Postgres, but could not be published. `cause` says why. */
export class EpochBegunError extends Error {
  override readonly name = "EpochBegunError";
}

/** A flag that should stay on does not exist in this database. Nothing was changed. */
export class UnknownFlagError extends Error {
  override readonly name = "UnknownFlagError";
  readonly key: string;

  constructor(key: string) {
    super(`there is no flag ${key} in this database`);
    this.key = key;
  }
}

/**
 * Makes this database the truth, regardless of Redis: somebody has looked and decided. Begins an epoch that is newer
 * than both, first in Postgres, so that all publishers and workers accept it. That ends a divergence. It undoes no
 * kill: flags that are off at the edge are switched off here, too.
 *
 * @param options.keepOn flags that stay on, even if they are off at the edge
 * @throws UnknownFlagError, RedisFault or an error of pg before anything is changed; EpochBegunError afterwards
 */
export async function publishByForce(
  pool: pg.Pool,
  redis: PublisherRedis,
  now: Date,
  { keepOn = [] }: { readonly keepOn?: readonly string[] } = {},
): Promise<PublishedByForce> {
  const texts = await redis.readTexts();
  const kills = await redis.readKills();
  // Writes the kills back unchanged: a token that may not write must fail before the epoch begins.
  await redis.updateKills((same) => same);
  const comparison = await compare(pool, redis, texts);
  const edge = await readEdge(texts, kills);
  const { switchedOff, turnedOn, version } = await inTransaction(pool, async (client) => {
    await setActor(client, "sluice: kill found at the edge");
    for (const key of keepOn) {
      if ((await readFlag(client, key)) === undefined) throw new UnknownFlagError(key);
    }
    const state = await readPublicationState(client);
    const origin = originOf(texts.head, state.databaseId, comparison.isDescendant);
    const differing = decideForce(await readEnabledKeys(client), edge, { origin, state });
    const keys: string[] = [];
    for (const key of differing.switchOff) {
      if (keepOn.includes(key)) continue;
      const row = await readFlag(client, key, { lock: true });
      if (row?.enabled !== true) continue;
      await updateFlag(client, key, { enabled: false });
      keys.push(key);
    }
    const noticed = (await readDivergence(client))?.redis.epoch ?? 0;
    await beginEpoch(client, Math.max(epochOf(texts.head), noticed));
    await raiseRevision(client);
    const kept = differing.switchOff.filter((key) => keepOn.includes(key));
    return {
      switchedOff: keys,
      turnedOn: [...kept, ...differing.turnOn].sort(),
      version: await readPublicationState(client),
    };
  });
  try {
    await endKills(redis, keepOn, version);
    const published = await publishOnce(pool, redis, now, { rewrite: true });
    return { ...published, switchedOff, turnedOn, wasContradicted: comparison.isContradicted };
  } catch (cause) {
    throw new EpochBegunError("the new epoch has begun, but was not published", { cause });
  }
}

/** Whether a publish without force would have stopped, and whether this database descends from the head in Redis. */
async function compare(pool: pg.Pool, redis: PublisherRedis, { head, snapshot }: StoredTexts) {
  const source = await readSnapshotSource(pool);
  const candidate = { ...source, ...(await buildSnapshot(source)), builder: BUILDER };
  const history = await readHeadHistory(pool, redis, head, candidate);
  if (history === "changed") return { isContradicted: true, isDescendant: false };
  const stored = { head, snapshotBytes: Buffer.byteLength(snapshot ?? "") };
  const { step } = decidePublish(stored, candidate, history);
  const isContradicted = source.divergence !== undefined || step === "diverged" || step === "outdated";
  const lineageId = readableHead(head)?.lineage_id;
  return {
    isContradicted,
    isDescendant: !isContradicted && lineageId !== undefined && lineageId === history?.id,
  };
}

/** What visitors have now. */
export interface Edge {
  /** The version of the snapshot in Redis; undefined if its head is lost or unreadable. */
  readonly head: Version | undefined;
  /** Flags that are on in that snapshot; undefined if it is lost or unreadable. */
  readonly on: ReadonlySet<string> | undefined;
  readonly off: ReadonlyMap<string, Version | null>;
}

/**
 * Where the snapshot in Redis comes from. "descent": this database proved that it continues the snapshot, so it knows
 * every recorded kill.
 */
export type Origin = "descent" | "this database" | "another database";

/**
 * Decides about each flag that is enabled in this database. From this database, a flag that is not on at the edge counts
 * as killed, independent of the numbers: a database that was set back uses the same numbers for other changes.
 */
export function decideForce(
  enabled: readonly string[],
  { head, on, off }: Edge,
  { origin, state }: { readonly origin: Origin; readonly state: Version },
): { readonly switchOff: readonly string[]; readonly turnOn: readonly string[] } {
  const isPending = (key: string) => off.get(key) === null;
  const isOffAtEdge = (key: string) => {
    const killed = off.get(key);
    if (on === undefined || killed === null) return killed !== undefined;
    const isKilled = killed !== undefined && (head === undefined || compareVersions(killed, head) > 0);
    return isKilled || !on.has(key);
  };
  const isFromLostFuture = (key: string) => compareVersions(off.get(key) ?? state, state) > 0;
  const isKilled = {
    descent: (key: string) => isPending(key) || isFromLostFuture(key),
    "this database": isOffAtEdge,
    "another database": isPending,
  }[origin];
  return {
    switchOff: enabled.filter(isKilled),
    turnOn: enabled.filter((key) => !isKilled(key) && isOffAtEdge(key)),
  };
}

function originOf(headText: string | null, databaseId: string, isDescendant: boolean): Origin {
  if (isDescendant) return "descent";
  // Without a head nobody knows. Then a kill is more likely ours than not.
  const redisDatabaseId = headText === null ? undefined : databaseIdOf(headText);
  return redisDatabaseId === undefined || redisDatabaseId === databaseId
    ? "this database"
    : "another database";
}

async function readEdge(texts: StoredTexts, kills: Kills): Promise<Edge> {
  const head = readableHead(texts.head);
  const flags = await readSnapshotFlags(texts, head);
  return {
    head,
    on:
      flags &&
      new Set(
        flags.flatMap((flag) => (isObject(flag) && flag["enabled"] === true ? String(flag["key"]) : [])),
      ),
    off: new Map([...kills].flatMap(([key, { off }]) => (off === undefined ? [] : [[key, off]]))),
  };
}

function readableHead(text: string | null): Head | undefined {
  const parsed = text === null ? undefined : parseHead(text);
  return parsed !== undefined && "value" in parsed ? parsed.value : undefined;
}

/** Ends the pending kills of flags that stay on, as of the new epoch: older snapshots do not show these flags. */
function endKills(redis: PublisherRedis, keys: readonly string[], version: Version): Promise<void> {
  return redis.updateKills((kills) => {
    const ended = keys.flatMap((key) => {
      const entry = kills.get(key);
      const recorded = entry?.off === null ? record(entry, holdersOf(entry), version) : undefined;
      return recorded === undefined ? [] : [[key, recorded] as const];
    });
    return ended.length === 0 ? undefined : new Map([...kills, ...ended]);
  });
}
