import type pg from "pg";
import { compareVersions } from "../../shared/snapshot/revision.ts";
import { digestOf, parseHead, parseSnapshot, type Head } from "../../shared/snapshot/snapshot.ts";
import { pruneLineage, readGatedUntil, readLineage, readVanishedGates } from "../postgres/lineage.ts";
import { inTransaction } from "../postgres/postgres.ts";
import type { PublisherRedis, StoredTexts } from "../redis/redis.ts";
import { gatedDigestOf, type Candidate, type HeadHistory } from "./publish-decision.ts";
import { digestOfGated, gatedKeysOf } from "./snapshot-builder.ts";

/**
 * Reads what Postgres knows about the head in Redis. To be called after the head was read: another publisher may have
 * published a version that the snapshot's transaction does not see.
 *
 * Reads Redis' snapshot only if its set of gated flags differs. The head has a digest of that set, so a restarted
 * publisher and a restored database need no memory of their own.
 *
 * @returns undefined if the head cannot be read; "changed" if Redis has another head by now: compare again
 */
export async function readHeadHistory(
  pool: pg.Pool,
  redis: Pick<PublisherRedis, "readTexts">,
  headText: string | null,
  candidate: Candidate,
): Promise<HeadHistory | "changed" | undefined> {
  const parsed = headText === null ? undefined : parseHead(headText);
  if (headText === null || parsed === undefined || "problem" in parsed) return undefined;
  const head = parsed.value;
  const lineage = await readLineage(pool, head);
  const isLater = candidate.epoch === head.epoch && compareVersions(candidate, head) >= 0;
  const mayHaveLostGates =
    isLater &&
    candidate.databaseId === head.database_id &&
    gatedDigestOf(headText) !== (await digestOfGated(candidate.gatedKeys));
  if (!mayHaveLostGates) return { ...lineage, vanishedGates: [] };

  const texts = await redis.readTexts();
  // Another publisher wrote in between, or this read came from a replica that is behind.
  if (texts.head !== headText) return "changed";
  const flags = await readSnapshotFlags(texts, head);
  // Redis has lost its snapshot, but workers may have it. Then the audit says which flags had gates.
  const before = flags === undefined ? await readGatedUntil(pool, head) : gatedKeysOf(flags);
  const lost = before.filter((key) => !candidate.gatedKeys.includes(key));
  return {
    ...lineage,
    vanishedGates: lost.length === 0 ? [] : await readVanishedGates(pool, lost, candidate),
  };
}

/**
 * The flags of the snapshot in Redis; undefined if it is lost, unreadable, or not the one that the head names.
 *
 * @param head undefined: the head is lost or unreadable, so any snapshot is taken
 */
export async function readSnapshotFlags(
  { snapshot: text }: StoredTexts,
  head: Pick<Head, "digest"> | undefined,
): Promise<readonly unknown[] | undefined> {
  if (text === null || (head !== undefined && (await digestOf(text)) !== head.digest)) return undefined;
  const parsed = parseSnapshot(text);
  return "problem" in parsed ? undefined : parsed.value.flags;
}

/** Removes old versions from the history, but never the version that Redis has: its successor must find it. */
export async function pruneHistory(pool: pg.Pool, redis: Pick<PublisherRedis, "readStored">): Promise<void> {
  const { head } = await redis.readStored();
  const parsed = head === null ? undefined : parseHead(head);
  const version = parsed !== undefined && "value" in parsed ? parsed.value : undefined;
  await inTransaction(pool, (client) => pruneLineage(client, version));
}
