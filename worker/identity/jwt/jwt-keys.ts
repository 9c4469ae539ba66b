import { importSPKI } from "jose";
import { WorkerFault } from "../../isolate/fault.ts";
import type { WaitUntil } from "../../isolate/wait-until.ts";
import { hmacOf, isKeyTypeOf, type JwtAlgorithm } from "./jwt-algorithms.ts";

/** What a token says about its key. */
export interface KeyHint {
  readonly algorithm: string;
  readonly keyId?: string;
}

/**
 * Finds the keys that a token may be signed by: none, one, or a few with the same `kid`, or for a token without one.
 *
 * @throws WorkerFault `jwt-keys` when no keys are available
 */
export type FindKeys = (hint: KeyHint, waitUntil: WaitUntil) => Promise<readonly CryptoKey[]>;

/** A key, ready to check signatures of one algorithm. */
interface VerificationKey {
  readonly algorithm: JwtAlgorithm;
  readonly key: CryptoKey;
}

/** Each costs a verification, and the sender of a token without `kid` decides how many are spent. */
export const MAX_CANDIDATES = 4;

/** RFC 7518, 3.3: shorter ones can be broken. */
const MIN_RSA_BITS = 2_048;

/**
 * Keys of the settings. The first request that needs them imports them. The keys are cached and not their promise: a
 * promise belongs to its request.
 */
export function createFixedKeys(importKeys: () => Promise<readonly VerificationKey[]>): FindKeys {
  let keys: readonly VerificationKey[] | undefined;
  return async function findFixedKeys(hint) {
    keys ??= await importKeys();
    return keys
      .filter(({ algorithm }) => algorithm === hint.algorithm)
      .slice(0, MAX_CANDIDATES)
      .map(({ key }) => key);
  };
}

/** Shared secrets as keys of each algorithm. Texts are UTF-8, as in every JWT library. */
export async function importSecrets(
  secrets: readonly string[],
  algorithms: readonly JwtAlgorithm[],
): Promise<readonly VerificationKey[]> {
  const wanted = secrets.flatMap((secret) => algorithms.map((algorithm) => ({ secret, algorithm })));
  return Promise.all(
    wanted.map(async ({ secret, algorithm }) => {
      const bytes = new TextEncoder().encode(secret);
      const hmac = { name: "HMAC", hash: hmacOf(algorithm).hash };
      return { algorithm, key: await crypto.subtle.importKey("raw", bytes, hmac, false, ["verify"]) };
    }),
  );
}

/** @throws WorkerFault `jwt-keys` when one of them is not a valid key for any of the algorithms */
export async function importPems(
  pems: readonly string[],
  algorithms: readonly JwtAlgorithm[],
): Promise<readonly VerificationKey[]> {
  const keys: VerificationKey[] = [];
  for (const [index, pem] of pems.entries()) {
    const before = keys.length;
    for (const algorithm of algorithms) {
      // workerd would import an RSA key as one of Ed25519, which no signature ever fits.
      if (!isKeyTypeOf(pem, [algorithm])) continue;
      const key = await importSPKI(pem, algorithm, { extractable: false }).catch(() => undefined);
      if (key !== undefined && isStrong(key)) keys.push({ algorithm, key });
    }
    if (keys.length === before) {
      throw new WorkerFault(
        "jwt-keys",
        `JWT_PUBLIC_KEY: key ${index + 1} is not a valid key for any of JWT_ALGORITHMS`,
      );
    }
  }
  return keys;
}

export function isStrong({ algorithm }: CryptoKey): boolean {
  const { modulusLength } = algorithm as { modulusLength?: number };
  return modulusLength === undefined || modulusLength >= MIN_RSA_BITS;
}
