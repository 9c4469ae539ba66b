import { Fault, toFault } from "../../isolate/fault.ts";
import { fetchJwks, JWKS_TIMEOUT_MS } from "./fetch-jwks.ts";
import { backoffMs } from "../../isolate/freshness.ts";
import type { JwtAlgorithm } from "./jwt-algorithms.ts";
import { selectKeys, type FindKeys, type KeyHint, type VerificationKey } from "./jwt-keys.ts";
import type { JwksSettings } from "./jwt-key-settings.ts";
import type { Report } from "../../isolate/report.ts";
import { within } from "../../isolate/within.ts";

export interface JwksOptions {
  readonly jwks: JwksSettings;
  readonly algorithms: readonly JwtAlgorithm[];
  readonly report: Report;
  readonly now: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly random: () => number;
}

/** Keys as they were published; `askedAt` in milliseconds since the epoch. */
interface HeldKeys {
  readonly keys: readonly VerificationKey[];
  readonly askedAt: number;
}

/** After an answer an unknown `kid` is no reason to ask again for so long: anybody can make one up. */
const COOLDOWN_MS = 30_000;
/** After so many refresh times an isolate was idle: a key that was withdrawn meanwhile is not used unasked. */
const TOO_OLD = 3;
/** An issuer that fails is asked again at the latest after this. */
const MAX_BACKOFF_MS = 60_000;
/** How often a request looks whether another one's fetch is done. */
const LOOK_MS = 5;

/**
 * Keeps an issuer's published keys for all requests of an isolate. A key at hand is used, and the set refreshed behind
 * the answer; a key that is not, or an old set, makes its request wait, for a limited time. One fetch at a time is a lease with an end,
 * since in workerd no request may await another's. jose's own remote set therefore asks once for every request that
 * comes meanwhile there, reads answers of any size, and forgets the keys when the issuer fails.
 */
export function createJwksKeys(options: JwksOptions): FindKeys {
  const { jwks, algorithms, report, now, fetch, random } = options;
  const { url, refreshMs, timeoutMs, maxStaleMs } = jwks;
  let held: HeldKeys | undefined;
  let leaseUntil = 0;
  let retryAt = 0;
  let failures = 0;

  /** Resolves to what went wrong; never rejects. */
  async function refresh(): Promise<Fault | undefined> {
    const askedAt = now();
    leaseUntil = askedAt + 2 * JWKS_TIMEOUT_MS;
    try {
      held = { keys: await fetchJwks(url, algorithms, fetch), askedAt };
      failures = 0;
      retryAt = 0;
      return undefined;
    } catch (error) {
      return toFault(error);
    } finally {
      leaseUntil = 0;
    }
  }

  function failed(fault: Fault): void {
    failures += 1;
    retryAt = now() + backoffMs(failures, Math.min(refreshMs, MAX_BACKOFF_MS), random());
    report(fault);
  }

  /** Waits for a fetch of one's own, which goes on behind the answer when it takes longer. */
  async function wait(refreshing: Promise<Fault | undefined>): Promise<void> {
    const late = new Fault("jwt-keys", `JWT_JWKS_URL did not answer within ${timeoutMs} ms`);
    const fault = await within(timeoutMs, refreshing, () => late).catch(() => late);
    if (fault !== undefined) failed(fault);
  }

  /** Waits until another request's fetch has come to something, looking by timers of its own. */
  async function follow(): Promise<void> {
    const before = held;
    for (let waited = 0; waited < timeoutMs; waited += LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (held !== before || now() >= leaseUntil || failures > 0) return;
    }
  }

  /** Too old is as good as none: what has been withdrawn meanwhile cannot be known. */
  function heldNow(): HeldKeys | undefined {
    return held !== undefined && now() - held.askedAt < maxStaleMs ? held : undefined;
  }

  const select = (hint: KeyHint): readonly CryptoKey[] => selectKeys(heldNow()?.keys ?? [], hint);

  return async function findJwksKeys(hint, waitUntil) {
    const found = select(hint);
    const age = held === undefined ? Infinity : Math.abs(now() - held.askedAt);
    const isUnderWay = now() < leaseUntil;
    const mayAsk = !isUnderWay && now() >= retryAt;
    if (found.length > 0 && age < TOO_OLD * refreshMs) {
      if (mayAsk && age >= refreshMs) {
        waitUntil(refresh().then((fault) => fault !== undefined && failed(fault)));
      }
      return found;
    }
    if (isUnderWay && failures === 0) {
      await follow();
    } else if (mayAsk && age >= Math.min(COOLDOWN_MS, refreshMs)) {
      const refreshing = refresh();
      waitUntil(refreshing);
      await wait(refreshing);
    }
    if (heldNow() === undefined) throw new Fault("jwt-keys", "no keys of JWT_JWKS_URL are at hand");
    return select(hint);
  };
}
