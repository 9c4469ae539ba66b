import { createLocalJWKSet, errors, type JWK } from "jose";
import { isObject } from "../../../shared/flag/members.ts";
import { WorkerFault, type Report } from "../../isolate/fault.ts";
import { readBoundedText, toFetchFault } from "../../isolate/fetch-text.ts";
import { createLease } from "../../isolate/lease.ts";
import type { JwtAlgorithm } from "./jwt-algorithms.ts";
import type { JwksSettings } from "./jwt-key-settings.ts";
import { isStrong, MAX_CANDIDATES, type FindKeys, type KeyHint } from "./jwt-keys.ts";

export interface JwksOptions {
  readonly jwks: JwksSettings;
  readonly algorithms: readonly JwtAlgorithm[];
  readonly report: Report;
  readonly now: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly random: () => number;
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** For this long after an answer, an unknown `kid` does not cause another fetch: anybody can make one up. */
const COOLDOWN_MS = 30_000;
/** An issuer that fails is asked again after this at the latest. */
const MAX_BACKOFF_MS = 60_000;
/** How long an issuer may take for its whole answer. Nobody waits for an answer that comes behind the response. */
const JWKS_TIMEOUT_MS = 5_000;
/** A hundred keys with their certificates. All requests share an isolate's 128 MB. */
const MAX_BYTES = 262_144;
/** Issuers have two or three keys, a dozen at most. */
const MAX_KEYS = 100;

/**
 * Caches an issuer's published keys for all requests of an isolate. A known key is used at once, and the set is
 * refreshed behind the answer. An unknown key or an old set makes its request wait, for a limited time. jose's own remote
 * set would fetch once for every request that arrives meanwhile, read answers of any size, and drop the keys when the
 * issuer fails.
 */
export function createJwksKeys(options: JwksOptions): FindKeys {
  const { jwks, algorithms, report, now, fetch, random } = options;
  const { url, refreshMs, timeoutMs, maxStaleMs } = jwks;
  let cached: { readonly keys: KeySet; readonly askedAt: number } | undefined;
  const lease = createLease({
    async work() {
      const askedAt = now();
      cached = { keys: await fetchKeySet(url, algorithms, fetch), askedAt };
    },
    refreshMs,
    maxBackoffMs: Math.min(refreshMs, MAX_BACKOFF_MS),
    leaseMs: 2 * JWKS_TIMEOUT_MS,
    patienceMs: timeoutMs,
    late: () => unusable(`did not answer within ${timeoutMs} ms`),
    onFailure: report,
    now,
    random,
  });

  /** Too old counts as none: keys may have been withdrawn meanwhile. */
  function usable(): KeySet | undefined {
    return cached !== undefined && now() - cached.askedAt < maxStaleMs ? cached.keys : undefined;
  }

  async function select(hint: KeyHint): Promise<readonly CryptoKey[]> {
    const keys = usable();
    return keys === undefined ? [] : candidatesOf(keys, hint, MAX_CANDIDATES);
  }

  return async function findJwksKeys(hint, waitUntil) {
    const found = await select(hint);
    const age = cached === undefined ? Infinity : Math.abs(now() - cached.askedAt);
    // An unknown key is as good as no keys: it may have been published since.
    const plan = lease.plan(found.length > 0 ? now() - age : undefined, refreshMs);
    if (plan === "refresh") lease.refresh(waitUntil);
    if (plan === "follow") {
      const before = cached;
      await lease.follow(() => cached !== before);
    }
    if (plan === "wait" && age >= Math.min(COOLDOWN_MS, refreshMs)) await lease.wait(waitUntil);
    if (usable() === undefined) throw new WorkerFault("jwt-keys", "no keys of JWT_JWKS_URL are available");
    return plan === "use" || plan === "refresh" ? found : select(hint);
  };
}

/** The public keys of a set that fit a token, by jose's rules for `kty`, `crv`, `kid`, `alg`, `use` and `key_ops`. */
async function candidatesOf(
  keys: KeySet,
  { algorithm: alg, keyId: kid }: KeyHint,
  most: number,
): Promise<readonly CryptoKey[]> {
  const candidates: CryptoKey[] = [];
  try {
    const key = await keys({ alg, ...(kid !== undefined && { kid }) });
    if (isStrong(key)) candidates.push(key);
  } catch (error) {
    // Any other error means that no key fits: none matches, or the only match is broken or private.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return candidates;
    for await (const key of error) {
      if (isStrong(key)) candidates.push(key);
      if (candidates.length === most) break;
    }
  }
  return candidates;
}

/**
 * Asks an issuer for its keys.
 *
 * @throws WorkerFault `jwt-keys`, with the kind of the answer and nothing of its content
 */
async function fetchKeySet(
  url: string,
  algorithms: readonly JwtAlgorithm[],
  fetch: typeof globalThis.fetch,
): Promise<KeySet> {
  let text: string;
  try {
    const response = await fetch(url, {
      headers: { accept: "application/jwk-set+json, application/json" },
      // A key that was just added must be seen, and a redirect could lead to anybody's keys.
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(JWKS_TIMEOUT_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unusable(`answered with status ${response.status} instead of 200`);
    }
    text = await readBoundedText(response, MAX_BYTES, () =>
      unusable(`answered with more than ${MAX_BYTES} bytes`),
    );
  } catch (error) {
    throw toFetchFault(
      error,
      () => unusable(`did not answer within ${JWKS_TIMEOUT_MS} ms`),
      (name) => unusable(`could not be reached (${name})`),
    );
  }
  const keys = toKeySet(text);
  // jose imports a key at its first use and shares the promise. Imported here, no request awaits another's.
  for (const algorithm of algorithms) await candidatesOf(keys, { algorithm }, MAX_KEYS);
  return keys;
}

function toKeySet(text: string): KeySet {
  try {
    const { keys } = JSON.parse(text) as { keys: readonly unknown[] };
    if (Array.isArray(keys) && keys.length <= MAX_KEYS) {
      return createLocalJWKSet({ keys: keys.filter((key): key is JWK => isObject(key)) });
    }
  } catch {
    // Reported below.
  }
  throw unusable("did not answer with a JSON Web Key Set");
}

function unusable(what: string): WorkerFault {
  return new WorkerFault("jwt-keys", `JWT_JWKS_URL ${what}`);
}
