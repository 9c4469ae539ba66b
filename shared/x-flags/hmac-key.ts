import type { SigningKey } from "./signing-keys.ts";

/** A secret as Web Crypto works with it. */
export type HmacKey = Awaited<ReturnType<typeof importKey>>;

// The keys themselves, never the promises of them: in workerd no request may await what another one began.
const imported = new WeakMap<SigningKey, HmacKey>();

/** The key for HMAC-SHA256; imported once, which costs more than a signature does. */
export async function toHmacKey(key: SigningKey): Promise<HmacKey> {
  const known = imported.get(key);
  if (known !== undefined) return known;
  const fresh = await importKey(key);
  imported.set(key, fresh);
  return fresh;
}

function importKey({ secret }: SigningKey) {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}
