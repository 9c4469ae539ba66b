import { toHex } from "../isolate/bytes.ts";
import { WorkerFault, type Report } from "../isolate/fault.ts";
import { within } from "../isolate/within.ts";

/** Redis' answer to an isolate of this colo, as texts. */
export interface Copy {
  readonly head: string;
  readonly off: string | null;
  /** When the command was sent that returned them, in milliseconds since the epoch. */
  readonly confirmedAt: number;
}

/**
 * The cache that all isolates of a colo share. It is optional: each method waits a limited time, none rejects, and a
 * cache that is down reads as empty.
 */
export interface Colo {
  readCopy(): Promise<Copy | undefined>;
  readSnapshot(digest: string): Promise<string | undefined>;
  writeCopy(copy: Copy): Promise<void>;
  writeSnapshot(digest: string, text: string): Promise<void>;
}

export interface ColoOptions {
  readonly environment: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  /** How long a read may take, in milliseconds. Redis gets the rest of the time that a request waits. */
  readonly timeoutMs: number;
  readonly report: Report;
  readonly now?: () => number;
  readonly open?: () => Promise<Pick<Cache, "match" | "put">>;
}

/** For this long after a fault the cache is not used: a hanging one would delay every refresh. */
const REST_MS = 30_000;

/** A copy is used as news for one refresh time. After that it still names the snapshot and prevents a step back. */
const COPY_TTL_S = 3_600;

/** A snapshot is stored under its digest and never becomes wrong; it only has to expire at some time. */
const SNAPSHOT_TTL_S = 86_400;

const WRITE_TIMEOUT_MS = 5_000;

/**
 * Makes the cache of one environment. It is a named cache, which no fetch, no page rule and no visitor's request reads
 * or fills. Its keys are URLs of a host that cannot exist. They contain a hash of Redis' address and token, so that two
 * databases never mix and no other worker of the account can guess them.
 */
export function createColo(options: ColoOptions): Colo {
  const { timeoutMs, report, now = Date.now, open = () => caches.open("sluice") } = options;
  let restUntil = 0;
  let prefix: string | undefined;

  async function toUrl(name: string): Promise<string> {
    // The text is cached and not its promise: a promise belongs to its request.
    prefix ??= await toPrefix(options);
    return `${prefix}${name}`;
  }

  /** The result of the work; undefined when it fails or takes too long. */
  async function attempt<T>(ms: number, work: () => Promise<T>): Promise<T | undefined> {
    if (now() < restUntil) return undefined;
    try {
      return await within(ms, work(), () => new WorkerFault("colo-cache", `no answer within ${ms} ms`));
    } catch (error) {
      restUntil = now() + REST_MS;
      const reason = error instanceof WorkerFault ? error.message : error instanceof Error ? error.name : "?";
      report(new WorkerFault("colo-cache", `the colo's cache is not used for ${REST_MS} ms: ${reason}`));
      return undefined;
    }
  }

  function read(name: string): Promise<string | undefined> {
    return attempt(timeoutMs, async () => {
      const url = await toUrl(name);
      const found = await (await open()).match(url);
      return found?.text();
    });
  }

  async function write(name: string, text: string, ttlS: number): Promise<void> {
    await attempt(WRITE_TIMEOUT_MS, async () => {
      const url = await toUrl(name);
      const headers = {
        "cache-control": `public, max-age=${ttlS}`,
        "content-type": "text/plain;charset=utf-8",
      };
      await (await open()).put(url, new Response(text, { headers }));
    });
  }

  return {
    async readCopy() {
      const text = await read("copy");
      return text === undefined ? undefined : parseCopy(text);
    },
    readSnapshot: (digest) => read(`snapshot/${digest}`),
    writeCopy: ({ head, off, confirmedAt }) =>
      write("copy", JSON.stringify({ head, off, confirmed_at: confirmedAt }), COPY_TTL_S),
    writeSnapshot: (digest, text) => write(`snapshot/${digest}`, text, SNAPSHOT_TTL_S),
  };
}

/** The 1 is the version of the format: workers of two versions share a colo during a rollout. */
async function toPrefix({ environment, redisUrl, redisToken }: ColoOptions): Promise<string> {
  const secret = new TextEncoder().encode(`${redisUrl}\n${redisToken}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", secret));
  return `https://sluice.invalid/1/${environment}/${toHex(hash)}/`;
}

/** Undefined for garbage; the next put replaces it. */
function parseCopy(text: string): Copy | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { head, off, confirmed_at: confirmedAt } = value as Readonly<Record<string, unknown>>;
  if (typeof head !== "string" || (typeof off !== "string" && off !== null)) return undefined;
  if (typeof confirmedAt !== "number" || !Number.isFinite(confirmedAt)) return undefined;
  return { head, off, confirmedAt };
}
