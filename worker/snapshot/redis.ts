import { redisKeys } from "../../shared/snapshot/snapshot.ts";
import { WorkerFault } from "../isolate/fault.ts";
import { readBoundedText, toFetchFault } from "../isolate/fetch-text.ts";

/** The texts stored in Redis; null where a key is missing. */
export interface Stored {
  readonly head: string | null;
  readonly snapshot: string | null;
  readonly off: string | null;
}

/** Each method is one command, so that its texts belong together. They reject with a WorkerFault. */
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

/** The largest snapshot is 8 MiB, and JSON escapes each of its quotes. All requests share an isolate's 128 MB. */
const MAX_ANSWER_BYTES = 16_777_216;

/**
 * The only place of the worker that talks to Redis, over Upstash's REST API. Upstash's client would read an answer of
 * any size into memory, and an isolate that runs out of memory takes the site down.
 */
export function createStore(options: StoreOptions): Store {
  const keys = redisKeys(options.environment);
  const { redisUrl, redisToken, commandTimeoutMs } = options;

  async function mget(...names: readonly string[]): Promise<readonly (string | null)[]> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(redisUrl, {
        method: "POST",
        headers: { authorization: `Bearer ${redisToken}`, "content-type": "application/json" },
        body: JSON.stringify(["MGET", ...names]),
        // A redirect would send the token to another host.
        redirect: "manual",
        signal: AbortSignal.timeout(commandTimeoutMs),
      });
      status = response.status;
      text = await readBoundedText(response, MAX_ANSWER_BYTES, tooLarge);
    } catch (error) {
      throw toFetchFault(error, late, unreachable);
    }
    const { result, error } = parseAnswer(text);
    if (status !== 200 || error !== undefined) throw refused(error);
    if (!Array.isArray(result) || result.length !== names.length || !result.every(isTextOrNull)) {
      throw new WorkerFault("redis-garbage", "Redis answered MGET with something other than texts");
    }
    return result;
  }

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

function parseAnswer(text: string): { readonly result?: unknown; readonly error?: unknown } {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return answer;
  } catch {
    // Reported below.
  }
  throw new WorkerFault("redis-garbage", "Redis did not answer with a JSON object");
}

/** Redis' error texts contain the whole command: only the code is reported. */
function refused(error: unknown): WorkerFault {
  const code = typeof error === "string" ? /^[A-Z]{2,20}\b/.exec(error)?.[0] : undefined;
  return new WorkerFault("redis-refused", `Redis refused MGET (${code ?? "no code"}): check URL and token`);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

const tooLarge = (): WorkerFault =>
  new WorkerFault("snapshot-too-large", `Redis answered MGET with more than ${MAX_ANSWER_BYTES} bytes`);

const late = (): WorkerFault => new WorkerFault("redis-timeout", "Redis did not answer in time");

const unreachable = (name: string): WorkerFault =>
  new WorkerFault("redis-unreachable", `Redis could not be reached (${name})`);
