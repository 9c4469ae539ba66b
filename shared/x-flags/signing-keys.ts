import type { Parsed } from "../flag/fault.ts";

/** A secret by which the worker signs and others verify, and the name under which it does. */
export interface SigningKey {
  readonly id: string;
  readonly secret: Uint8Array<ArrayBuffer>;
}

/** Ids travel in headers and cookies, where nothing of theirs needs quoting. */
const ID_PATTERN = /^[A-Za-z0-9_-]{1,32}$/;
/** As long as the digest of HMAC-SHA256: a shorter secret is weaker than the signature. */
const MIN_BYTES = 32;
const MAX_BYTES = 256;
/** One signs; two or three more are plenty for any rotation. */
const MAX_KEYS = 4;

const FORM = "must be kid:base64, several separated by commas";

/**
 * Reads keys as settings hold them, `kid:base64[,kid:base64]`: the first signs, all verify.
 *
 * @example
 * parseSigningKeys("2026-11:…,2026-05:…")
 *
 * @returns at least one key, or what is wrong: keys by position, never by content
 */
export function parseSigningKeys(text: string): Parsed<readonly [SigningKey, ...SigningKey[]]> {
  const keys: SigningKey[] = [];
  for (const [index, item] of text.split(",").entries()) {
    const key = parseKey(item.trim());
    if (typeof key === "string") return { problem: `key ${index + 1} ${key}` };
    if (keys.some(({ id }) => id === key.id))
      return { problem: `key ${index + 1} has the id of another one` };
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
