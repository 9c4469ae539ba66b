import type { Parsed } from "../flag/fault.ts";

/** A secret with which the worker signs and others verify, and its name. */
export interface SigningKey {
  readonly id: string;
  readonly secret: Uint8Array<ArrayBuffer>;
}

/** The first key signs; all keys verify. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

/** Ids are written in headers and cookies; these characters need no quoting there. */
const ID_PATTERN = /^[A-Za-z0-9_-]{1,32}$/;
/** As long as the digest of HMAC-SHA256: a shorter secret is weaker than the signature. */
const MIN_BYTES = 32;
const MAX_BYTES = 256;
/** One key signs; a rotation needs two or three more at most. */
const MAX_KEYS = 4;

const FORM = "must be kid:base64, several separated by commas";

/**
 * Reads keys as in the settings, `kid:base64[,kid:base64]`: the first signs, all verify.
 *
 * @example
 * parseSigningKeys("2026-11:…,2026-05:…")
 *
 * @returns at least one key, or the problem, which names keys by position and never quotes them
 */
export function parseSigningKeys(text: string): Parsed<SigningKeys> {
  const keys: SigningKey[] = [];
  for (const [index, item] of text.split(",").entries()) {
    const key = parseKey(item.trim());
    if (typeof key === "string") return { problem: `key ${index + 1} ${key}` };
    if (keys.some(({ id }) => id === key.id)) {
      return { problem: `key ${index + 1} has the id of another key` };
    }
    keys.push(key);
  }
  const [first, ...others] = keys;
  if (first === undefined) return { problem: FORM };
  if (keys.length > MAX_KEYS) return { problem: `must be at most ${MAX_KEYS} keys` };
  return { value: [first, ...others] };
}

function parseKey(item: string): SigningKey | string {
  const colon = item.indexOf(":");
  if (colon === -1) return FORM;
  const id = item.slice(0, colon);
  if (!ID_PATTERN.test(id)) return "must have an id of 1 to 32 letters, digits, - and _";
  const secret = decodeBase64(item.slice(colon + 1));
  if (secret === undefined) return "is not base64";
  if (secret.length < MIN_BYTES || secret.length > MAX_BYTES) {
    return `must have ${MIN_BYTES} to ${MAX_BYTES} bytes: \`openssl rand -base64 32\` makes one`;
  }
  return { id, secret };
}

/** Standard or URL-safe, padded or not. */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", ""));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** A secret in the form that Web Crypto uses. */
type HmacKey = Awaited<ReturnType<typeof importHmacKey>>;

// The keys and not their promises: in workerd a request must not await another request's promise.
const imported = new WeakMap<SigningKey, HmacKey>();

/** The key for HMAC-SHA256. It is imported once, since an import costs more than a signature. */
export async function toHmacKey(key: SigningKey): Promise<HmacKey> {
  const known = imported.get(key);
  if (known !== undefined) return known;
  const fresh = await importHmacKey(key);
  imported.set(key, fresh);
  return fresh;
}

function importHmacKey({ secret }: SigningKey) {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}
