import { Redis } from "@upstash/redis";
import { parseOff, redisKeys, type Off } from "../../shared/snapshot/snapshot.ts";
import { formatHeld, parseHeld, type Kills } from "./kill-entry.ts";
import { createKillUpdates, type KillChange } from "./kill-updates.ts";
import { ForeseenFault } from "../problem/problem.ts";

/** How long one command may take, in milliseconds: a snapshot of some megabytes has to fit. */
const COMMAND_TIMEOUT_MS = 5_000;

/** What stands in Redis of a publication. */
export interface Stored {
  /** Null: nothing there. */
  readonly head: string | null;
  /** The length of the snapshot, 0 when there is none: tells a lost or cut one without fetching it. */
  readonly snapshotBytes: number;
}

/** The same with the kills. */
export interface StoredWithKills extends Stored {
  readonly off: string | null;
}

/** What stands in Redis of a publication, in full; null where nothing does. */
export interface StoredTexts {
  readonly head: string | null;
  readonly snapshot: string | null;
}

/** The publisher's side of Redis: every command that it sends is in this file. */
export interface PublisherRedis {
  readStored(): Promise<Stored>;
  /** The same with the kills: to tell people where Redis stands. */
  readStoredWithKills(): Promise<StoredWithKills>;
  /** The same with the snapshot itself: to look whether it is what it should be. */
  readTexts(): Promise<StoredTexts>;
  /**
   * Replaces head and snapshot at once, when head is as expected.
   *
   * @param snapshot undefined to leave the snapshot as it is
   * @returns false when another head stands there; nothing was changed then
   */
  swapSnapshot(expectedHead: string | null, head: string, snapshot: string | undefined): Promise<boolean>;
  /**
   * Changes the kills of all flags at once, whoever else writes there at the same time.
   *
   * @param change gets what stands there and gives what shall; undefined to leave it. Called again when another
   * publisher came in between
   */
  updateKills(change: KillChange): Promise<void>;
  readKills(): Promise<Kills>;
}

/** Redis does not answer, or not with what was asked for. The message holds neither command nor token. */
export class RedisFault extends ForeseenFault {
  override readonly name = "RedisFault";
}

// The scripts compare bytes and know no JSON: what may replace what is decided in TypeScript, where it is tested.
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

const NOT_THE_SCRIPTS = "Redis answered EVAL with something else than the script's result";

/** Connects to Upstash's REST protocol. Nothing is sent before the first call. */
export function createPublisherRedis(options: {
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly environment: string;
}): PublisherRedis {
  const keys = redisKeys(options.environment);
  // The publishers' own, beside `off`: workers do not read it.
  const heldKey = `${keys.off}:held`;
  const redis = new Redis({
    url: options.redisUrl,
    token: options.redisToken,
    // Values are texts of ours; GET would parse them, base64 would cost most of a second at 6 MB.
    automaticDeserialization: false,
    responseEncoding: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    // The publisher has a retry of its own; the default sleeps 4.3 s before it reports an error.
    retry: { retries: 0 },
    // A static signal that aborts gives garbage: this has to be a function.
    signal: () => AbortSignal.timeout(COMMAND_TIMEOUT_MS),
  });

  async function getKills(): Promise<{ off: string | null; held: string | null; kills: Kills }> {
    const [off = null, held = null] = await guard(() => redis.mget<(string | null)[]>(keys.off, heldKey));
    return { off, held, kills: toKills(understood(off), held) };
  }

  async function swap(script: string, scriptKeys: string[], args: string[]): Promise<boolean> {
    const reply = await guard(() => redis.eval<string[]>(script, scriptKeys, args));
    if (reply !== 0 && reply !== 1) throw new RedisFault(NOT_THE_SCRIPTS);
    return reply === 1;
  }

  /** One command rather than several, since Upstash counts commands. */
  async function read(script: string, scriptKeys: string[]): Promise<StoredWithKills> {
    const reply = await guard(() => redis.eval<string[]>(script, scriptKeys, []));
    const [head, snapshotBytes, off = null] = Array.isArray(reply) ? (reply as unknown[]) : [];
    const isOff = off === null || typeof off === "string";
    if (typeof head !== "string" || typeof snapshotBytes !== "number" || !isOff) {
      throw new RedisFault(NOT_THE_SCRIPTS);
    }
    return { head: head || null, snapshotBytes, off };
  }

  return {
    readStored: () => read(READ_STORED, [keys.head, keys.snapshot]),

    readStoredWithKills: () => read(READ_STORED_WITH_KILLS, [keys.head, keys.snapshot, keys.off]),

    async readTexts() {
      const [head = null, snapshot = null] = await guard(() =>
        redis.mget<(string | null)[]>(keys.head, keys.snapshot),
      );
      return { head, snapshot };
    },

    swapSnapshot: (expectedHead, head, snapshot) =>
      swap(SWAP_SNAPSHOT, [keys.head, keys.snapshot], [expectedHead ?? "", head, snapshot ?? ""]),

    updateKills: createKillUpdates(async (change) => {
      for (;;) {
        const { off, held, kills } = await getKills();
        const changed = change(kills);
        if (changed === undefined) return;
        const args = [off ?? "", held ?? "", formatOff(changed), formatHeld(changed)];
        if (await swap(SWAP_KILLS, [keys.off, heldKey], args)) return;
      }
    }),

    readKills: async () => (await getKills()).kills,
  };
}

function toKills(off: Off, heldText: string | null): Kills {
  const held = parseHeld(heldText);
  return new Map(
    [...off].map(([key, entry]) => {
      const { holders, recorded } = (entry === null && held.get(key)) || { holders: [], recorded: undefined };
      return [key, { off: entry, holders, recorded }];
    }),
  );
}

function understood(text: string | null): Off {
  const off = parseOff(text);
  if ("problem" in off) throw new RedisFault(`what stands in Redis is not Sluice's: ${off.problem}`);
  return off.value;
}

function formatOff(kills: Kills): string {
  const entries = [...kills].flatMap(([key, { off }]) =>
    off === undefined ? [] : [[key, off && [off.epoch, off.revision]] as const],
  );
  return JSON.stringify(Object.fromEntries(entries));
}

/** Errors of @upstash/redis contain the whole command: what leaves here says only what kind of fault it was. */
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
  if (/NOPERM/i.test(text)) return "the Redis token may not write: the publisher needs the read-write one";
  if (/max request size/i.test(text)) return "the snapshot is larger than what Redis takes in one request";
  if (/Timeout|Abort/i.test(text)) return `Redis did not answer within ${COMMAND_TIMEOUT_MS} ms`;
  if (/fetch failed|ECONNREFUSED|ENOTFOUND|ECONNRESET/i.test(text)) {
    return "Redis cannot be reached: check UPSTASH_REDIS_REST_URL";
  }
  return "Redis answered with an error";
}
