import { Fault } from "../isolate/fault.ts";
import type { Report } from "../isolate/report.ts";
import { within } from "../isolate/within.ts";

/** What an isolate of this colo was told by Redis, as texts, and when it asked. */
export interface Copy {
  readonly head: string;
  readonly off: string | null;
  /** When the command was sent that gave them, in milliseconds since the epoch. */
  readonly confirmedAt: number;
}

/**
 * The cache that all isolates of a colo share. A help and never a condition: each method waits a limited time, none
 * rejects, and a cache that is not there reads as an empty one.
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
  /** How long a look may take, in milliseconds: what it takes is missing to Redis. */
  readonly timeoutMs: number;
  readonly report: Report;
  readonly now?: () => number;
  readonly open?: () => Promise<Pick<Cache, "match" | "put">>;
}

/** After a fault the cache is left alone for so long: a hanging one would cost every refresh its patience. */
const REST_MS = 30_000;

/** As news a copy counts for one refresh time; after that it still tells which snapshot, and never to step back. */
const COPY_TTL_S = 3_600;

/** A snapshot stands under its digest and can be nothing else: it only has to go at some time. */
const SNAPSHOT_TTL_S = 86_400;

const WRITE_TIMEOUT_MS = 5_000;

/**
 * Makes the cache of one environment. It is a named one, which no fetch, no page rule and no visitor's request reads or
 * fills, and its keys stand under a host that cannot exist; beside the environment they hold a hash of Redis' address
 * and token, so that two databases never meet and no other worker of the account can guess them.
 */
export function createColo(options: ColoOptions): Colo {
  const { timeoutMs, report, now = Date.now, open = () => caches.open("sluice") } = options;
  let restUntil = 0;
  let prefix: string | undefined;

  async function toUrl(name: string): Promise<string> {
    // The text is kept and not the promise: another request's would never be settled in this one.
    prefix ??= await toPrefix(options);
    return `${prefix}${name}`;
  }

  /** What the work gives, undefined when it fails or takes too long. */
  async function attempt<T>(ms: number, work: () => Promise<T>): Promise<T | undefined> {
    if (now() < restUntil) return undefined;
    try {
      return await within(ms, work(), () => new Fault("colo-cache", `it did not answer within ${ms} ms`));
    } catch (error) {
      restUntil = now() + REST_MS;
      const reason = error instanceof Fault ? error.message : error instanceof Error ? error.name : "?";
      report(new Fault("colo-cache", `the colo's cache is left alone for ${REST_MS} ms: ${reason}`));
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
    writeCopy: (copy) =>
      write(
        "copy",
        JSON.stringify({ head: copy.head, off: copy.off, confirmed_at: copy.confirmedAt }),
        COPY_TTL_S,
      ),
    writeSnapshot: (digest, text) => write(`snapshot/${digest}`, text, SNAPSHOT_TTL_S),
  };
}

/** The 1 is the format's: workers of two versions share a colo while a new one is rolled out. */
async function toPrefix({ environment, redisUrl, redisToken }: ColoOptions): Promise<string> {
  const secret = new TextEncoder().encode(`${redisUrl}\n${redisToken}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", secret));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `https://sluice.invalid/1/${environment}/${hex}/`;
}

/** Garbage is no copy: it says nothing, and the next put replaces it. */
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
