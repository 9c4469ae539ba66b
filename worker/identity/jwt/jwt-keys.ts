import { importJWK, importSPKI } from "jose";
import { isObject } from "../../../shared/flag/members.ts";
import { algorithmOf, type JwtAlgorithm } from "./jwt-algorithms.ts";
import { Fault } from "../../isolate/fault.ts";
import { isKeyTypeOf } from "./public-key-pem.ts";
import type { WaitUntil } from "../../isolate/wait-until.ts";

/** A key, ready to check signatures of one algorithm. */
export interface VerificationKey {
  readonly algorithm: JwtAlgorithm;
  /** JWK's `kid`. */
  readonly id?: string;
  readonly key: CryptoKey;
}

/** What a token says about its key. */
export interface KeyHint {
  readonly algorithm: string;
  readonly keyId?: string;
}

/**
 * Finds the keys that a token may be signed by: none, one, or a few where no `kid` tells them apart.
 *
 * @throws Fault `jwt-keys` when no keys could be had
 */
export type FindKeys = (hint: KeyHint, waitUntil: WaitUntil) => Promise<readonly CryptoKey[]>;

/** Each costs a verification, and whoever sends a token without `kid` decides that it is spent. */
const MAX_CANDIDATES = 4;
/** Issuers have two or three keys, a dozen at most. */
const MAX_KEYS = 100;
/** RFC 7518, 3.3: shorter ones can be broken. */
const MIN_RSA_BITS = 2_048;

/** The keys of a set that fit: of that algorithm, and of that `kid` where both have one. */
export function selectKeys(
  keys: readonly VerificationKey[],
  { algorithm, keyId }: KeyHint,
): readonly CryptoKey[] {
  return keys
    .filter((key) => key.algorithm === algorithm)
    .filter(({ id }) => id === undefined || keyId === undefined || id === keyId)
    .slice(0, MAX_CANDIDATES)
    .map(({ key }) => key);
}

/** Keys of the settings: made by the first request that needs them, and kept, since a promise would be that request's. */
export function createFixedKeys(make: () => Promise<readonly VerificationKey[]>): FindKeys {
  let keys: readonly VerificationKey[] | undefined;
  return async function findFixedKeys(hint) {
    keys ??= await make();
    return selectKeys(keys, hint);
  };
}

/** Shared secrets as keys; UTF-8, as every JWT library takes a text. */
export async function importSecrets(
  secrets: readonly string[],
  algorithms: readonly JwtAlgorithm[],
): Promise<readonly VerificationKey[]> {
  const wanted = secrets.flatMap((secret) => algorithms.map((algorithm) => ({ secret, algorithm })));
  return Promise.all(
    wanted.map(async ({ secret, algorithm }) => {
      const { hash = "SHA-256" } = algorithmOf(algorithm);
      const bytes = new TextEncoder().encode(secret);
      const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["verify"]);
      return { algorithm, key };
    }),
  );
}

/** @throws Fault `jwt-keys` when one of them is no key for any of the algorithms */
export async function importPems(
  pems: readonly string[],
  algorithms: readonly JwtAlgorithm[],
): Promise<readonly VerificationKey[]> {
  const keys: VerificationKey[] = [];
  for (const [index, pem] of pems.entries()) {
    const before = keys.length;
    for (const algorithm of algorithms) {
      // Of itself workerd takes an RSA key for one of Ed25519, which no signature would ever fit.
      if (!isKeyTypeOf(pem, [algorithm])) continue;
      const key = await importSPKI(pem, algorithm, { extractable: false }).catch(() => undefined);
      if (key !== undefined && isStrong(key)) keys.push({ algorithm, key });
    }
    if (keys.length === before) {
      throw new Fault("jwt-keys", `key ${index + 1} of JWT_PUBLIC_KEY is none for any of JWT_ALGORITHMS`);
    }
  }
  return keys;
}

/**
 * Takes a JSON Web Key Set over (RFC 7517). Keys for other purposes or algorithms are passed over, as are those that
 * must not be relied on: secrets, private keys that somebody published, RSA of less than 2,048 bits.
 *
 * @returns possibly none; undefined when it is no key set
 */
export async function importJwks(
  value: unknown,
  algorithms: readonly JwtAlgorithm[],
): Promise<readonly VerificationKey[] | undefined> {
  if (!isObject(value) || !Array.isArray(value["keys"]) || value["keys"].length > MAX_KEYS) return undefined;
  const keys: VerificationKey[] = [];
  for (const jwk of value["keys"]) {
    if (!isObject(jwk) || !isForSignatures(jwk)) continue;
    for (const algorithm of algorithms) {
      const key = await importPublic(jwk, algorithm);
      const { kid: id } = jwk;
      if (key !== undefined) keys.push({ algorithm, key, ...(typeof id === "string" && { id }) });
    }
  }
  return keys;
}

type Jwk = Readonly<Record<string, unknown>>;

function isForSignatures({ use, key_ops: operations, d }: Jwk): boolean {
  if (d !== undefined || (use !== undefined && use !== "sig")) return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes("verify"));
}

async function importPublic(jwk: Jwk, algorithm: JwtAlgorithm): Promise<CryptoKey | undefined> {
  const { kty, crv } = algorithmOf(algorithm);
  if (jwk["kty"] !== kty || kty === "oct" || (crv !== undefined && jwk["crv"] !== crv)) return undefined;
  // `Ed25519` is the newer name of the same (RFC 9864).
  const named = jwk["alg"] === "Ed25519" ? "EdDSA" : jwk["alg"];
  if (named !== undefined && named !== algorithm) return undefined;
  const { n, e, x, y } = jwk;
  try {
    // The public members alone, whatever else is in there.
    const members = kty === "RSA" ? { kty, n, e } : kty === "EC" ? { kty, crv, x, y } : { kty, crv, x };
    const key = await importJWK(members as { kty: "RSA" | "EC" | "OKP" }, algorithm, { extractable: false });
    return isStrong(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function isStrong({ algorithm }: CryptoKey): boolean {
  const { modulusLength } = algorithm as { modulusLength?: number };
  return modulusLength === undefined || modulusLength >= MIN_RSA_BITS;
}
