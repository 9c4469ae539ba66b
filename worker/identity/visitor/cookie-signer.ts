import type { SigningKey } from "../../../shared/x-flags/signing-keys.ts";
import { toAnonymousId } from "./anonymous-id.ts";
import { decodeBase64Url, encodeBase64Url } from "../../isolate/bytes.ts";
import { deriveCookieKey, type CookieKey } from "./cookie-keys.ts";
import type { SigningKeys } from "../../isolate/signing-settings.ts";
import { formatVisitorCookie, type ReceivedCookie, type Seal, type VisitorCookie } from "./visitor-cookie.ts";

/** Signs with the first key, and verifies by all of them. */
export interface CookieSigner {
  /** The key that signs. */
  readonly keyId: string;
  /** The value of a cookie, signed. */
  sign(cookie: VisitorCookie): Promise<string>;
  /** Whether one of the keys signed it. */
  verify(received: ReceivedCookie): Promise<boolean>;
  seal(id: string, userId: string): Promise<Seal>;
  /**
   * The seal that makes a cookie this account's: one that has none, or this account's already. Undefined where it is
   * another account's, and where the key of its seal is no longer there.
   */
  claim(cookie: VisitorCookie, userId: string): Promise<Seal | undefined>;
  /** An anonymous id that only this account has, on whatever device. */
  toAccountId(userId: string): Promise<string>;
}

const encoder = new TextEncoder();
const SEAL_BYTES = 16;

export function createCookieSigner(keys: SigningKeys): CookieSigner {
  const [first] = keys;
  // The keys are kept and never their promises: another request's would never be settled in this one.
  const derived = new Map<string, CookieKey>();

  async function keyOf(key: SigningKey): Promise<CookieKey> {
    const ready = derived.get(key.id) ?? (await deriveCookieKey(key));
    derived.set(key.id, ready);
    return ready;
  }

  async function sealBy(key: SigningKey, id: string, userId: string): Promise<Seal> {
    // Beside the id, which has a fixed length: the same account in two browsers has two seals.
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

async function mac(key: CryptoKey, text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}
