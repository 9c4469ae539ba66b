import type { SigningKey } from "../../../shared/x-flags/signing-keys.ts";

/** What one of SIGNING_KEYS is for the visitor's cookie: a key for each purpose, so that none can stand for another. */
export interface CookieKey {
  readonly id: string;
  /** Signs cookies. */
  readonly cookie: CryptoKey;
  /** Hashes an account beside an anonymous id. */
  readonly seal: CryptoKey;
  /** Hashes an account to an anonymous id of its own. */
  readonly account: CryptoKey;
}

const HMAC = { name: "HMAC", hash: "SHA-256" } as const;
const encoder = new TextEncoder();

/** Derives them (HKDF, RFC 5869). */
export async function deriveCookieKey({ id, secret }: SigningKey): Promise<CookieKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derive = async (purpose: string): Promise<CryptoKey> => {
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(purpose) };
    const bits = await crypto.subtle.deriveBits(hkdf, base, 256);
    return crypto.subtle.importKey("raw", bits, HMAC, false, ["sign", "verify"]);
  };
  return {
    id,
    cookie: await derive("sluice visitor cookie"),
    seal: await derive("sluice account seal"),
    account: await derive("sluice account id"),
  };
}
