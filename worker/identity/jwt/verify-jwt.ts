import { decodeJwt, errors, jwtVerify, type JWTPayload } from "jose";
import { WorkerFault, toFault } from "../../isolate/fault.ts";
import { hasRequired } from "./jwt-claims.ts";
import type { KeyHint } from "./jwt-keys.ts";
import type { JwtSettings } from "./jwt-settings.ts";
import type { Token } from "./jwt-token.ts";

/**
 * Verifies a token's signature, algorithm, issuer, audience, times, type and required claims, and returns its claims.
 *
 * @param now milliseconds since the epoch
 * @throws WorkerFault `jwt-refused` or `jwt-expired`, and what `findKeys` throws; it says what failed, without values
 */
export async function verifyJwt(
  token: Token,
  settings: JwtSettings,
  findKeys: (hint: KeyHint) => Promise<readonly CryptoKey[]>,
  now: number,
): Promise<JWTPayload> {
  const { algorithm, source } = token;
  // Another issuer's token, which the site may well expect, must not cause a fetch of keys.
  if (!settings.algorithms.some((allowed) => allowed === algorithm)) {
    throw refused(source, "is signed by an algorithm that is not one of JWT_ALGORITHMS");
  }
  if (settings.issuers !== undefined && !settings.issuers.some((issuer) => issuer === claimedIssuer(token))) {
    throw refused(source, OTHER_ISSUER);
  }
  for (const key of await findKeys(token)) {
    try {
      const { payload, protectedHeader } = await jwtVerify(token.text, key, toOptions(token, settings, now));
      check(payload, protectedHeader.typ, source, settings);
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw toRefusal(error, source);
    }
  }
  throw refused(source, "is signed by none of the keys that are known");
}

/** Not verified yet. */
function claimedIssuer({ text, source }: Token): unknown {
  try {
    return decodeJwt(text).iss;
  } catch (error) {
    throw toRefusal(error, source);
  }
}

function toOptions(
  { algorithm }: Token,
  settings: JwtSettings,
  now: number,
): Parameters<typeof jwtVerify>[2] {
  const { issuers, audiences, clockSkewS } = settings;
  return {
    algorithms: [algorithm],
    ...(issuers !== undefined && { issuer: [...issuers] }),
    ...(audiences !== undefined && audiences !== "any" && { audience: [...audiences] }),
    clockTolerance: clockSkewS,
    currentDate: new Date(now),
  };
}

/** ID tokens, and access tokens of RFC 9068. A logout token has the same issuer, audience and user, but identifies nobody (RFC 8725, 3.11). */
const TYPES: readonly unknown[] = [undefined, "jwt", "application/jwt", "at+jwt", "application/at+jwt"];

function check(payload: JWTPayload, typ: unknown, source: string, settings: JwtSettings): void {
  if (!TYPES.includes(typeof typ === "string" ? typ.toLowerCase() : typ)) {
    throw refused(source, "has a type (typ) that is not a user's token");
  }
  // A token that never ends cannot be revoked; JSON's 1e999 is a number, too.
  if (!Number.isFinite(payload.exp)) throw refused(source, NO_END);
  // RFC 7519, 4.1.3: a token for one audience must not be accepted by another.
  if (settings.audiences === undefined && payload.aud !== undefined) {
    throw refused(source, "names an audience, and JWT_AUDIENCE is not set");
  }
  const missing = settings.required.find((claim) => !hasRequired(claim, payload));
  if (missing !== undefined) {
    throw refused(source, `lacks the ${missing.name} that JWT_REQUIRED_CLAIMS requires`);
  }
}

const OTHER_ISSUER = "is not from JWT_ISSUER";
const NO_END = "has no exp that is a number: a token that never ends is refused";

/** By jose's name of the claim. */
const CLAIM_REFUSALS: { readonly [claim: string]: string } = {
  iss: OTHER_ISSUER,
  aud: "is not for JWT_AUDIENCE",
  exp: NO_END,
  nbf: "is not valid yet (nbf)",
};

function toRefusal(error: unknown, source: string): WorkerFault {
  if (error instanceof WorkerFault) return error;
  if (error instanceof errors.JWTExpired) {
    return new WorkerFault("jwt-expired", `the token in ${source} has expired`);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(source, CLAIM_REFUSALS[error.claim] ?? "has a claim that is not valid");
  }
  if (error instanceof errors.JOSEError) return refused(source, `is malformed (${error.code})`);
  return toFault(error);
}

function refused(source: string, why: string): WorkerFault {
  return new WorkerFault("jwt-refused", `the token in ${source} ${why}`);
}
