import { Redis } from "@upstash/redis";
import { parseOff, redisKeys, type Off } from "../../shared/snapshot/snapshot.ts";
import { formatHolders, parseHolders, type Kills } from "./kill-entry.ts";
import { createKillUpdates } from "./kill-updates.ts";
import { ForeseenFault } from "../problem/problem.ts";

/** How long one command may take, in milliseconds: enough for a snapshot of some megabytes. */
const COMMAND_TIMEOUT_MS = 5_000;

/** What Redis has of a publication. */
export interface Stored {
  /** Null: there is none. */
  readonly head: string | null;
  /** The length of the snapshot, 0 if there is none: shows a lost or cut snapshot without fetching it. */
  readonly snapshotBytes: number;
}

/** `Stored` with the kills. */
export interface StoredWithKills extends Stored {
  readonly off: string | null;
}

/** Head and snapshot in full; null where there is none. */
export interface StoredTexts {
  readonly head: string | null;
  readonly snapshot: string | null;
}

/** All commands that the publisher sends to Redis. */
export type PublisherRedis = ReturnType<typeof createPublisherRedis>;

/** The fault of a value in Redis that no publisher can have written. */
export const notOurs = (problem: string): string => `the value in Redis is not Sluice's: ${problem}`;

/** Redis does not answer, or answers something unexpected. The message contains neither command nor token. */
export class RedisFault extends ForeseenFault {
  override readonly name = "RedisFault";
}

// The scripts only compare bytes. TypeScript decides what may replace what, because there it is tested.
const READ_STORED = `
return {redis.call('GET', KEYS[1]) or '', redis.call('STRLEN', KEYS[2])}`;

const READ_STORED_WITH_KILLS = `
return {redis.call('GET', KEYS[1]) or '', redis.call('STRLEN', KEYS[2]), redis.call('GET', KEYS[3])}`;

const SWAP_SNAPSHOT = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
redis.call('SET', KEYS[1], ARGV[2])
return 1`;

const SWAP_KILLS = `
local off = redis.call('GET', KEYS[1])
local held = redis.call('GET', KEYS[2])
if (off or '') ~= ARGV[1] or (held or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[4])
return 1`;

const UNEXPECTED_REPLY =
  "Redis answered EVAL with an unexpected result: check that UPSTASH_REDIS_REST_URL is a Redis REST API";

/** A client for Upstash's REST protocol. Sends nothing before the first call. */
export function createPublisherRedis(options: {
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly environment: string;
}) {
  const keys = redisKeys(options.environment);
  // Only publishers read it.
  const holdersKey = `${keys.off}:held`;
  const redis = new Redis({
    url: options.redisUrl,
    token: options.redisToken,
    // Values are our own texts: parsing them on GET is wrong, and base64 costs most of a second at 6 MB.
    automaticDeserialization: false,
    responseEncoding: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    // The publisher retries itself. The default sleeps 4.3 s before it reports an error.
    retry: { retries: 0 },
    // Must be a function: with a static signal, an aborted request returns garbage.
    signal: () => AbortSignal.timeout(COMMAND_TIMEOUT_MS),
  });

  async function getKills(): Promise<{ off: string | null; holders: string | null; kills: Kills }> {
    const [off = null, holders = null] = await guard(() =>
      redis.mget<(string | null)[]>(keys.off, holdersKey),
    );
    return { off, holders, kills: toKills(understood(off), holders) };
  }

  async function swap(script: string, scriptKeys: string[], args: string[]): Promise<boolean> {
    const reply = await guard(() => redis.eval<string[]>(script, scriptKeys, args));
    if (reply !== 0 && reply !== 1) throw new RedisFault(UNEXPECTED_REPLY);
    return reply === 1;
  }

  /** Reads all in one command: Upstash bills by command. */
  async function read(script: string, scriptKeys: string[]): Promise<StoredWithKills> {
    const reply = await guard(() => redis.eval<string[]>(script, scriptKeys, []));
    const [head, snapshotBytes, off = null] = Array.isArray(reply) ? (reply as unknown[]) : [];
    const isOff = off === null || typeof off === "string";
    if (typeof head !== "string" || typeof snapshotBytes !== "number" || !isOff) {
      throw new RedisFault(UNEXPECTED_REPLY);
    }
    return { head: head || null, snapshotBytes, off };
  }

  return {
    readStored: (): Promise<Stored> => read(READ_STORED, [keys.head, keys.snapshot]),

    /** For the status that people see. */
    readStoredWithKills: () => read(READ_STORED_WITH_KILLS, [keys.head, keys.snapshot, keys.off]),

    /** For verifying what was published. */
    async readTexts(): Promise<StoredTexts> {
      const [head = null, snapshot = null] = await guard(() =>
        redis.mget<(string | null)[]>(keys.head, keys.snapshot),
      );
      return { head, snapshot };
    },

    /**
     * Replaces head and snapshot at once, if the head is the expected one.
     *
     * @param snapshot undefined to leave the snapshot as it is
     * @returns false if Redis has another head; then nothing was changed
     */
    swapSnapshot: (expectedHead: string | null, head: string, snapshot: string | undefined) =>
      swap(SWAP_SNAPSHOT, [keys.head, keys.snapshot], [expectedHead ?? "", head, snapshot ?? ""]),

    /**
     * Changes the kills of all flags at once. Safe with other publishers that write at the same time: the change is
     * called again if one wrote in between.
     */
    updateKills: createKillUpdates(async (change) => {
      for (;;) {
        const { off, holders, kills } = await getKills();
        const changed = change(kills);
        if (changed === undefined) return;
        const args = [off ?? "", holders ?? "", formatOff(changed), formatHolders(changed)];
        if (await swap(SWAP_KILLS, [keys.off, holdersKey], args)) return;
      }
    }),

    readKills: async (): Promise<Kills> => (await getKills()).kills,
  };
}

function toKills(off: Off, holdersText: string | null): Kills {
  const stored = parseHolders(holdersText);
  return new Map(
    [...off].map(([key, entry]) => {
      const { holders, recorded } = (entry === null && stored.get(key)) || {
        holders: [],
        recorded: undefined,
      };
      return [key, { off: entry, holders, recorded }];
    }),
  );
}

function understood(text: string | null): Off {
  const off = parseOff(text);
  if ("problem" in off) throw new RedisFault(notOurs(off.problem));
  return off.value;
}

function formatOff(kills: Kills): string {
  const entries = [...kills].flatMap(([key, { off }]) =>
    off === undefined ? [] : [[key, off && [off.epoch, off.revision]] as const],
  );
  return JSON.stringify(Object.fromEntries(entries));
}

/** Replaces errors of @upstash/redis, which contain the whole command, by a message without it. */
async function guard<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    throw new RedisFault(describe(error));
  }
}

function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name} ${error.message}` : "";
  if (/WRONGPASS|Unauthorized/i.test(text)) return "Redis refuses the token: check UPSTASH_REDIS_REST_TOKEN";
  if (/NOPERM/i.test(text))
    return "the Redis token may not write: set UPSTASH_REDIS_REST_TOKEN to the read-write token";
  if (/max request size/i.test(text))
    return "the snapshot is larger than Redis accepts in one request: delete or archive flags";
  if (/Timeout|Abort/i.test(text)) return `Redis did not answer within ${COMMAND_TIMEOUT_MS} ms`;
  if (/fetch failed|ECONNREFUSED|ENOTFOUND|ECONNRESET/i.test(text)) {
    return "Redis cannot be reached: check UPSTASH_REDIS_REST_URL";
  }
  return "Redis answered with an error";
}
