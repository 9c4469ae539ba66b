import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { parseHead, parseOff } from "../../shared/snapshot/snapshot.ts";
import { briefly } from "../problem/problem.ts";
import { AHEAD, OTHER_DATABASE } from "./publish-decision.ts";
import type { PublisherRedis, StoredWithKills } from "../redis/redis.ts";
import { withinTime } from "../process/within-time.ts";
import type { PublisherStatus } from "./publisher.ts";

/** What Redis itself says of where it stands, asked just now. */
export interface RedisState {
  /** What its head names; undefined: nothing is there, or nothing that can be read. */
  readonly head: (Version & { readonly databaseId: string }) | undefined;
  /** Flags that a kill holds off at the edge and that Postgres has not recorded; undefined: not known. */
  readonly pendingKills: readonly string[] | undefined;
  /** What is wrong with it, whatever Postgres says. */
  readonly fault: string | undefined;
}

/** Redis beside Postgres. */
export interface ComparedRedis {
  /** Whether Redis holds just what Postgres has. */
  readonly published: boolean;
  readonly fault: string | undefined;
}

/** Who asks for the status does not wait longer for Redis, in milliseconds. */
const TIMEOUT_MS = 3_000;

/** Asks Redis with one command. Never throws: that it does not answer is what was to be found out. */
export async function readRedisState(redis: PublisherRedis): Promise<RedisState> {
  try {
    const late = () => Promise.reject(new Error(`Redis did not answer within ${TIMEOUT_MS} ms`));
    return toRedisState(await withinTime(TIMEOUT_MS, redis.readStoredWithKills(), late));
  } catch (error) {
    return { head: undefined, pendingKills: undefined, fault: briefly(error) };
  }
}

/**
 * Compares it with Postgres.
 *
 * @param state where Postgres stood when it was asked after Redis: a Redis that is ahead of that contradicts it
 */
export function compareRedis(
  { head, fault }: RedisState,
  state: Version & { readonly databaseId: string },
): ComparedRedis {
  if (fault !== undefined || head === undefined) return { published: false, fault };
  if (head.databaseId !== state.databaseId) return { published: false, fault: OTHER_DATABASE };
  const order = compareVersions(head, state);
  return { published: order === 0, fault: order > 0 ? AHEAD : undefined };
}

function toRedisState({ head: headText, snapshotBytes, off: offText }: StoredWithKills): RedisState {
  const off = parseOff(offText);
  const pendingKills = "problem" in off ? undefined : [...off.value].flatMap(pendingKey);
  if (headText === null) return { head: undefined, pendingKills, fault: "Redis holds no head" };
  const parsed = parseHead(headText);
  if ("problem" in parsed) return { head: undefined, pendingKills, fault: notOurs(parsed.problem) };
  const { epoch, revision, database_id: databaseId, bytes } = parsed.value;
  const head = { epoch, revision, databaseId };
  if (snapshotBytes !== bytes) {
    const fault = `the snapshot in Redis has ${snapshotBytes} bytes, and its head names ${bytes}`;
    return { head, pendingKills, fault };
  }
  return { head, pendingKills, fault: "problem" in off ? notOurs(off.problem) : undefined };
}

const pendingKey = ([key, recordedIn]: readonly [string, Version | null]): readonly string[] =>
  recordedIn === null ? [key] : [];

const notOurs = (problem: string): string => `what stands in Redis is not Sluice's: ${problem}`;

/** What a read or a write tells beside what it is about. */
export interface PublishState {
  /** Where Postgres stands. */
  readonly state: Version;
  /** Whether Redis is known to hold that. */
  readonly published: boolean;
}

/** Whether Redis holds a state, as far as this publisher knows. */
export function publishStateOf(state: Version, { published }: PublisherStatus): PublishState {
  const isPublished =
    published !== undefined && published.epoch === state.epoch && compareVersions(published, state) >= 0;
  return { state, published: isPublished };
}

/** The same in an answer. */
export function publishStateMembers({ state, published }: PublishState) {
  return { epoch: state.epoch, revision: state.revision, published };
}
