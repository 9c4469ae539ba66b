import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import {
  MAX_OVERRIDE_TOKEN,
  OVERRIDE_TYPE,
  overrideAudience,
  type Overrides,
} from "../../shared/flag/override.ts";
import type { SigningKey } from "../../shared/x-flags/signing-keys.ts";

/** An override as a browser gets it. */
export interface SignedOverride {
  /** Names this override in the log; random. */
  readonly id: string;
  /** Whoever has it has what it names: never logged, never kept. */
  readonly token: string;
  readonly endsAt: Date;
}

/** By what, and for whose workers, overrides are signed. */
export interface OverrideSigner {
  readonly key: SigningKey;
  readonly environment: string;
}

/**
 * Signs an override: a compact JWS by HMAC-SHA256.
 *
 * @param seconds how long it holds, from `now` on
 * @throws RangeError when no cookie could hold it
 */
export async function signOverride(
  { key, environment }: OverrideSigner,
  overrides: Overrides,
  seconds: number,
  now: Date,
): Promise<SignedOverride> {
  const issuedAt = Math.floor(now.getTime() / 1000);
  const id = randomBytes(16).toString("base64url");
  const token = await new SignJWT({ flags: Object.fromEntries(overrides) })
    .setProtectedHeader({ alg: "HS256", typ: OVERRIDE_TYPE, kid: key.id })
    .setAudience(overrideAudience(environment))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + seconds)
    .setJti(id)
    .sign(key.secret);
  if (token.length > MAX_OVERRIDE_TOKEN) throw new RangeError("the token is longer than a cookie may be");
  return { id, token, endsAt: new Date((issuedAt + seconds) * 1000) };
}
