import { decodeJwt, errors, jwtVerify, type JWTPayload } from "jose";
import { Fault, toFault } from "../../isolate/fault.ts";
import { hasRequired } from "./jwt-claims.ts";
import type { KeyHint } from "./jwt-keys.ts";
import type { JwtSettings } from "./jwt-settings.ts";
import type { Token } from "./jwt-token.ts";

/**
 * The claims of a token that holds: signature, algorithm, issuer, audience, times, type, required claims.
 *
 * @param now milliseconds since the epoch
 * @throws Fault `jwt-refused` or `jwt-expired`, and what `findKeys` throws; it says what does not hold, by no value
 */
export async function verifyJwt(
  token: Token,
  settings: JwtSettings,
  findKeys: (hint: KeyHint) => Promise<readonly CryptoKey[]>,
  now: number,
): Promise<JWTPayload> {
  const { algorithm, place } = token;
  // Another's token, which the site may well expect, is no reason to ask the issuer for keys.
  if (!settings.algorithms.some((allowed) => allowed === algorithm)) {
    throw refused(place, "is signed by an algorithm that is not one of JWT_ALGORITHMS");
  }
  if (settings.issuers !== undefined && !settings.issuers.some((issuer) => issuer === claimedIssuer(token))) {
    throw refused(place, OTHER_ISSUER);
  }
  for (const key of await findKeys(token)) {
    try {
      const { payload, protectedHeader } = await jwtVerify(token.text, key, toOptions(token, settings, now));
      judge(payload, protectedHeader.typ, place, settings);
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw toRefusal(error, place);
    }
  }
  throw refused(place, "is signed by none of the keys that are known");
}

/** Not to be believed yet. */
function claimedIssuer({ text, place }: Token): unknown {
  try {
    return decodeJwt(text).iss;
  } catch (error) {
    throw toRefusal(error, place);
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

/** ID tokens, and access tokens of RFC 9068. A logout token has the same issuer, audience and user, and is none (RFC 8725, 3.11). */
const TYPES: readonly unknown[] = [undefined, "jwt", "application/jwt", "at+jwt", "application/at+jwt"];

function judge(payload: JWTPayload, typ: unknown, place: string, settings: JwtSettings): void {
  if (!TYPES.includes(typeof typ === "string" ? typ.toLowerCase() : typ)) {
    throw refused(place, "is of a type (typ) that is no user's token");
  }
  // One that never ends cannot be taken back; JSON's 1e999 is a number, too.
  if (!Number.isFinite(payload.exp)) throw refused(place, NO_END);
  // RFC 7519, 4.1.3: a token for somebody is for nobody else.
  if (settings.audiences === undefined && payload.aud !== undefined) {
    throw refused(place, "names an audience, and JWT_AUDIENCE is not set");
  }
  const missing = settings.required.find((claim) => !hasRequired(claim, payload));
  if (missing !== undefined) {
    throw refused(place, `has not the ${missing.name} that JWT_REQUIRED_CLAIMS asks for`);
  }
}

const OTHER_ISSUER = "is not from JWT_ISSUER";
const NO_END = "has no exp that is a number: one that never ends is not taken";

/** By jose's name of the claim. */
const CLAIM_REFUSALS: { readonly [claim: string]: string } = {
  iss: OTHER_ISSUER,
  aud: "is not for JWT_AUDIENCE",
  exp: NO_END,
  nbf: "does not hold yet (nbf)",
};

function toRefusal(error: unknown, place: string): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof errors.JWTExpired)
    return new Fault("jwt-expired", `the token in ${place} has expired`);
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(place, CLAIM_REFUSALS[error.claim] ?? "has a claim that does not hold");
  }
  if (error instanceof errors.JOSEError) return refused(place, `is malformed (${error.code})`);
  return toFault(error);
}

function refused(place: string, why: string): Fault {
  return new Fault("jwt-refused", `the token in ${place} ${why}`);
}
