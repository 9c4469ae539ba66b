import { Redis } from "@upstash/redis/cloudflare";
import { redisKeys } from "../shared/snapshot.ts";
import { Fault } from "./fault.ts";

/** What stands in Redis; null where nothing does. */
export interface Stored {
  readonly head: string | null;
  readonly snapshot: string | null;
  readonly off: string | null;
}

/** Each method is one command, so that what it gives belongs together. They reject with a Fault. */
export interface Store {
  readHeadAndOff(): Promise<Omit<Stored, "snapshot">>;
  readAll(): Promise<Stored>;
}

export interface StoreOptions {
  readonly environment: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  /** How long one command may take, in milliseconds. */
  readonly commandTimeoutMs: number;
}

/** The only place of the worker that talks to Redis, by Upstash's REST API. */
export function createStore(options: StoreOptions): Store {
  const keys = redisKeys(options.environment);
  const redis = new Redis({
    url: options.redisUrl,
    token: options.redisToken,
    // Base64 costs most of a second at 6 MB.
    responseEncoding: false,
    // Values are read as they were written: digests are over their bytes.
    automaticDeserialization: false,
    // It would tie this request's answer to another request's fetch.
    enableAutoPipelining: false,
    enableTelemetry: false,
    // One attempt: `retry: false` would make two, and retrying is the freshness policy's.
    retry: { retries: 0 },
    // A function: with a fixed signal an abort is answered with garbage instead of an error.
    signal: () => AbortSignal.timeout(options.commandTimeoutMs),
  });

  const mget = async (...names: string[]): Promise<readonly (string | null)[]> => {
    let values: unknown;
    try {
      values = await redis.mget<unknown[]>(...names);
    } catch (error) {
      throw toRedisFault(error);
    }
    if (!Array.isArray(values) || values.length !== names.length || !values.every(isTextOrNull)) {
      throw new Fault("redis-garbage", "Redis answered MGET with something else than texts");
    }
    return values;
  };

  return {
    async readHeadAndOff() {
      const [head = null, off = null] = await mget(keys.head, keys.off);
      return { head, off };
    },
    async readAll() {
      const [head = null, snapshot = null, off = null] = await mget(keys.head, keys.snapshot, keys.off);
      return { head, snapshot, off };
    },
  };
}

/** Error texts of the client hold the whole command or the whole answer: only Redis' own error code is taken over. */
function toRedisFault(error: unknown): Fault {
  const { name, message } = error instanceof Error ? error : new Error();
  if (name === "TimeoutError" || name === "AbortError") {
    return new Fault("redis-timeout", "Redis did not answer in time");
  }
  // A TypeError is the client's own, over an answer that is JSON but not an object.
  if (name === "UpstashJSONParseError" || name === "TypeError")
    return new Fault("redis-garbage", "Redis did not answer with JSON");
  if (name === "UpstashError") {
    const code = /^[A-Z]{2,20}\b/.exec(message)?.[0] ?? "no code";
    return new Fault("redis-refused", `Redis refused MGET (${code}): check URL and token`);
  }
  return new Fault("redis-unreachable", `Redis could not be reached (${name})`);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
