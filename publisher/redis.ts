import { Redis } from "@upstash/redis";
import { parseOff, redisKeys, type Off } from "../shared/snapshot.ts";
import type { Version } from "../shared/revision.ts";

/** How long one command may take, in milliseconds: a snapshot of some megabytes has to fit. */
const COMMAND_TIMEOUT_MS = 5_000;

/** The outcome of a compare-and-set. */
export type Swap =
  /** What was expected stood there; the new value stands there now. */
  | { readonly swapped: true }
  /** Another value stands there, null for none; nothing was changed. */
  | { readonly swapped: false; readonly current: string | null };

/** The publisher's side of Redis: every command that it sends is in this file. */
export interface PublisherRedis {
  readHead(): Promise<string | null>;
  /**
   * Replaces head and snapshot at once, when head is as expected.
   *
   * @param snapshot undefined to leave the snapshot as it is; refused, as if head had changed, when there is none
   */
  swapSnapshot(expectedHead: string | null, head: string, snapshot: string | undefined): Promise<Swap>;
  /**
   * Changes one flag's entry in `off`, whoever else writes there at the same time.
   *
   * @param change gets the entry (undefined: none, null: killed and not yet recorded) and gives the new one, or
   * undefined to leave it
   */
  updateOff(
    key: string,
    change: (entry: Version | null | undefined) => Version | null | undefined,
  ): Promise<void>;
  readOff(): Promise<Off>;
}

/** Redis does not answer, or not with what was asked for. The message holds neither command nor token. */
export class RedisFault extends Error {
  override readonly name = "RedisFault";
}

// The scripts compare bytes and know no JSON: what may replace what is decided in TypeScript, where it is tested.
const SWAP_SNAPSHOT = `
local current = redis.call('GET', KEYS[1])
if (current or '') ~= ARGV[1] then return {0, current or ''} end
if ARGV[3] == '' and redis.call('EXISTS', KEYS[2]) == 0 then return {0, ''} end
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
redis.call('SET', KEYS[1], ARGV[2])
return {1, ''}`;

const SWAP_OFF = `
local current = redis.call('GET', KEYS[1])
if (current or '') ~= ARGV[1] then return {0, current or ''} end
redis.call('SET', KEYS[1], ARGV[2])
return {1, ''}`;

/** Connects to Upstash's REST protocol. Nothing is sent before the first call. */
export function createPublisherRedis(options: {
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly environment: string;
}): PublisherRedis {
  const keys = redisKeys(options.environment);
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

  const get = (key: string): Promise<string | null> => guard(() => redis.get<string>(key));

  async function swap(script: string, scriptKeys: string[], args: string[]): Promise<Swap> {
    const reply = await guard(() =>
      redis.eval<string[], [number | string, string]>(script, scriptKeys, args),
    );
    if (!Array.isArray(reply) || reply.length !== 2) {
      throw new RedisFault("Redis answered EVAL with something else than the script's result");
    }
    return Number(reply[0]) === 1 ? { swapped: true } : { swapped: false, current: reply[1] || null };
  }

  return {
    readHead: () => get(keys.head),

    swapSnapshot: (expectedHead, head, snapshot) =>
      swap(SWAP_SNAPSHOT, [keys.head, keys.snapshot], [expectedHead ?? "", head, snapshot ?? ""]),

    async updateOff(key, change) {
      let text = await get(keys.off);
      for (;;) {
        const off = new Map(understood(text));
        const entry = change(off.get(key));
        if (entry === undefined) return;
        off.set(key, entry);
        const result = await swap(SWAP_OFF, [keys.off], [text ?? "", formatOff(off)]);
        if (result.swapped) return;
        text = result.current; // another publisher came in between
      }
    },

    readOff: async () => understood(await get(keys.off)),
  };
}

function understood(text: string | null): Off {
  const off = parseOff(text);
  if ("problem" in off) throw new RedisFault(`what stands in Redis is not Sluice's: ${off.problem}`);
  return off.value;
}

function formatOff(off: Off): string {
  const entries = [...off].map(([key, entry]) => [key, entry && [entry.epoch, entry.revision]]);
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
