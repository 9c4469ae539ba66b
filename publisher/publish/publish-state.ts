import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { parseHead, parseOff } from "../../shared/snapshot/snapshot.ts";
import { briefly } from "../problem/problem.ts";
import { AHEAD, OTHER_DATABASE, OTHER_HISTORY } from "./publish-decision.ts";
import { notOurs, type PublisherRedis, type StoredWithKills } from "../redis/redis.ts";
import { withinTime } from "../process/within-time.ts";
import type { PublisherStatus } from "./publisher.ts";

/** The version in a head or in Postgres, with what distinguishes it from an equal number of another history. */
interface HeadState extends Version {
  readonly databaseId: string;
  /** Undefined in heads of older publishers. */
  readonly lineageId: string | undefined;
}

/** The state of Redis, as it reports it. */
export interface RedisState {
  /** The version in its head; undefined if there is no head or it cannot be read. */
  readonly head: HeadState | undefined;
  /** Flags with a kill that Postgres has not recorded; undefined if that is not known. */
  readonly pendingKills: readonly string[] | undefined;
  /** What is wrong with Redis itself. */
  readonly fault: string | undefined;
}

/** Redis compared with Postgres. */
export interface ComparedRedis {
  /** Whether Redis has the version of Postgres. */
  readonly published: boolean;
  readonly fault: string | undefined;
}

/** How long a status request waits for Redis, in milliseconds. */
const TIMEOUT_MS = 3_000;

/** Reads the state of Redis with one command. Never throws: no answer is a state, too. */
export async function readRedisState(redis: PublisherRedis): Promise<RedisState> {
  try {
    const late = () => Promise.reject(new Error(`Redis did not answer within ${TIMEOUT_MS} ms`));
    return toRedisState(await withinTime(TIMEOUT_MS, redis.readStoredWithKills(), late));
  } catch (error) {
    return { head: undefined, pendingKills: undefined, fault: briefly(error) };
  }
}

/**
 * Compares Redis with Postgres.
 *
 * @param state the version of Postgres, read after Redis: a Redis that is ahead of it contradicts Postgres
 */
export function compareRedis({ head, fault }: RedisState, state: HeadState): ComparedRedis {
  if (fault !== undefined || head === undefined) return { published: false, fault };
  if (head.databaseId !== state.databaseId) return { published: false, fault: OTHER_DATABASE };
  const order = compareVersions(head, state);
  if (order === 0 && head.lineageId !== undefined && head.lineageId !== state.lineageId) {
    return { published: false, fault: OTHER_HISTORY };
  }
  return { published: order === 0, fault: order > 0 ? AHEAD : undefined };
}

function toRedisState({ head: headText, snapshotBytes, off: offText }: StoredWithKills): RedisState {
  const off = parseOff(offText);
  const pendingKills = "problem" in off ? undefined : [...off.value].flatMap(pendingKey);
  if (headText === null) return { head: undefined, pendingKills, fault: "Redis has no head" };
  const parsed = parseHead(headText);
  if ("problem" in parsed) return { head: undefined, pendingKills, fault: notOurs(parsed.problem) };
  const { epoch, revision, database_id: databaseId, bytes, lineage_id: lineageId } = parsed.value;
  const head = { epoch, revision, databaseId, lineageId };
  if (snapshotBytes !== bytes) return { head, pendingKills, fault: wrongLength(snapshotBytes, bytes) };
  return { head, pendingKills, fault: "problem" in off ? notOurs(off.problem) : undefined };
}

/** The fault of a snapshot that was lost or cut. */
export const wrongLength = (bytes: number, expected: number): string =>
  `the snapshot in Redis has ${bytes} bytes, but its head says ${expected}`;

const pendingKey = ([key, recordedIn]: readonly [string, Version | null]): readonly string[] =>
  recordedIn === null ? [key] : [];

/** The state of publishing, in every answer of the admin API. */
export interface PublishState {
  /** The version that Postgres is at. */
  readonly state: Version;
  /** Whether Redis is known to have that version. */
  readonly published: boolean;
}

/** Whether Redis has a version, as far as this publisher knows. */
export function publishStateOf(state: Version, { published }: PublisherStatus): PublishState {
  const isPublished =
    published !== undefined && published.epoch === state.epoch && compareVersions(published, state) >= 0;
  return { state, published: isPublished };
}

/** The members of an answer. */
export function publishStateMembers({ state, published }: PublishState) {
  return { epoch: state.epoch, revision: state.revision, published };
}
