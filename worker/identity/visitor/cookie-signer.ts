import type { SigningKey, SigningKeys } from "../../../shared/x-flags/signing-keys.ts";
import { decodeBase64Url, encodeBase64Url } from "../../isolate/bytes.ts";
import { toAnonymousId } from "./anonymous-id.ts";
import { formatVisitorCookie, type ReceivedCookie, type Seal, type VisitorCookie } from "./visitor-cookie.ts";

/** Signs with the first key, and verifies with all keys. */
export interface CookieSigner {
  /** The key that signs. */
  readonly keyId: string;
  /** The value of a cookie, signed. */
  sign(cookie: VisitorCookie): Promise<string>;
  /** Whether one of the keys signed it. */
  verify(received: ReceivedCookie): Promise<boolean>;
  seal(id: string, userId: string): Promise<Seal>;
  /**
   * The seal that makes a cookie this account's, when the cookie has none or is this account's already. Undefined when
   * it is another account's, or when the key of its seal is gone.
   */
  claim(cookie: VisitorCookie, userId: string): Promise<Seal | undefined>;
  /** An anonymous id that only this account has, the same on every device. */
  toAccountId(userId: string): Promise<string>;
}

const encoder = new TextEncoder();
const HMAC = { name: "HMAC", hash: "SHA-256" } as const;
const SEAL_BYTES = 16;

export function createCookieSigner(keys: SigningKeys): CookieSigner {
  const [first] = keys;
  // The keys are cached and not their promises: a promise belongs to its request.
  const derived = new Map<string, CookieKey>();

  async function keyOf(key: SigningKey): Promise<CookieKey> {
    const ready = derived.get(key.id) ?? (await deriveCookieKey(key));
    derived.set(key.id, ready);
    return ready;
  }

  async function sealBy(key: SigningKey, id: string, userId: string): Promise<Seal> {
    // With the id, which has a fixed length: one account has two seals in two browsers.
    const bytes = await mac((await keyOf(key)).seal, `${id}${userId}`);
    return { keyId: key.id, mac: encodeBase64Url(bytes.subarray(0, SEAL_BYTES)) };
  }

  return {
    keyId: first.id,
    async sign(cookie) {
      const content = formatVisitorCookie(cookie, first.id);
      return `${content}.${encodeBase64Url(await mac((await keyOf(first)).cookie, content))}`;
    },
    async verify({ signature }) {
      const key = keys.find(({ id }) => id === signature?.keyId);
      if (signature === undefined || key === undefined) return false;
      const { cookie } = await keyOf(key);
      const { mac: given, content } = signature;
      return crypto.subtle.verify("HMAC", cookie, decodeBase64Url(given), encoder.encode(content));
    },
    seal: (id, userId) => sealBy(first, id, userId),
    async claim({ id, seal }, userId) {
      if (seal === undefined) return sealBy(first, id, userId);
      const key = keys.find((one) => one.id === seal.keyId);
      if (key === undefined || (await sealBy(key, id, userId)).mac !== seal.mac) return undefined;
      return key === first ? seal : sealBy(first, id, userId);
    },
    toAccountId: async (userId) => toAnonymousId(await mac((await keyOf(first)).account, userId)),
  };
}

/** The keys that one of SIGNING_KEYS yields for the visitor's cookie: one for each purpose, so that none fits another. */
interface CookieKey {
  /** Signs cookies. */
  readonly cookie: CryptoKey;
  /** Hashes an account together with an anonymous id. */
  readonly seal: CryptoKey;
  /** Hashes an account to an anonymous id of its own. */
  readonly account: CryptoKey;
}

/** HKDF (RFC 5869). */
async function deriveCookieKey({ secret }: SigningKey): Promise<CookieKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derive = async (purpose: string): Promise<CryptoKey> => {
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(purpose) };
    const bits = await crypto.subtle.deriveBits(hkdf, base, 256);
    return crypto.subtle.importKey("raw", bits, HMAC, false, ["sign", "verify"]);
  };
  return {
    cookie: await derive("sluice visitor cookie"),
    seal: await derive("sluice account seal"),
    account: await derive("sluice account id"),
  };
}

async function mac(key: CryptoKey, text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}
