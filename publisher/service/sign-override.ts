import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import {
  MAX_OVERRIDE_TOKEN,
  OVERRIDE_TYPE,
  overrideAudience,
  type Overrides,
} from "../../shared/flag/override.ts";
import type { SigningKey } from "../../shared/x-flags/signing-keys.ts";

/** A signed override. */
export interface OverrideToken {
  /** Random; names this override in the audit and the log. */
  readonly id: string;
  /** Anyone who has it has the forced flags. Never logged, never stored. */
  readonly token: string;
  readonly endsAt: Date;
}

/** The key that signs overrides, and the environment whose workers accept them. */
export interface OverrideSigner {
  readonly key: SigningKey;
  readonly environment: string;
}

/**
 * Signs an override: a compact JWS by HMAC-SHA256.
 *
 * @param seconds the lifetime, from `now` on
 * @throws RangeError when the token is too long for a cookie
 */
export async function signOverride(
  { key, environment }: OverrideSigner,
  overrides: Overrides,
  seconds: number,
  now: Date,
): Promise<OverrideToken> {
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
