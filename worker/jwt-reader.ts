import { errors, jwtVerify, type JWTPayload } from "jose";
import { Fault, toFault } from "./fault.ts";
import { createJwksKeys } from "./jwks-keys.ts";
import { hasRequired } from "./jwt-claims.ts";
import { toIdentity, type JwtIdentity } from "./jwt-identity.ts";
import { createFixedKeys, importPems, importSecrets, type FindKeys } from "./jwt-keys.ts";
import type { JwtSettings } from "./jwt-settings.ts";
import { findToken, type Token } from "./jwt-token.ts";
import type { Report } from "./report.ts";
import type { WaitUntil } from "./snapshot-reader.ts";

/**
 * Tells who a request's token says its sender is; undefined when it has none, or none that holds. Never rejects: what
 * does not hold is reported, and its sender is as anonymous as anybody.
 */
export type JwtReader = (headers: Headers, waitUntil: WaitUntil) => Promise<JwtIdentity | undefined>;

export interface JwtReaderOptions {
  readonly report: Report;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly fetch?: typeof globalThis.fetch;
  readonly random?: () => number;
}

/** Makes the reader that all requests of an isolate share. */
export function createJwtReader(settings: JwtSettings, options: JwtReaderOptions): JwtReader {
  const { report, now = Date.now } = options;
  const findKeys = createFindKeys(settings, options);

  return async function readJwt(headers, waitUntil) {
    try {
      const token = findToken(headers, settings.cookie);
      if (token === undefined) return undefined;
      return toIdentity(await verify(token, settings, findKeys, now(), waitUntil), settings.claims);
    } catch (error) {
      report(toFault(error));
      return undefined;
    }
  };
}

function createFindKeys(settings: JwtSettings, options: JwtReaderOptions): FindKeys {
  const { keys, algorithms } = settings;
  const { report, now = Date.now, fetch = globalThis.fetch, random = Math.random } = options;
  if (keys.kind === "secret") return createFixedKeys(() => importSecrets(keys.secrets, algorithms));
  if (keys.kind === "pem") return createFixedKeys(() => importPems(keys.pems, algorithms));
  return createJwksKeys({ jwks: keys, algorithms, report, now, fetch, random });
}

/**
 * The claims of a token that holds: signature, algorithm, issuer, audience, times, type, required claims.
 *
 * @throws Fault that says which of them does not
 */
async function verify(
  token: Token,
  settings: JwtSettings,
  findKeys: FindKeys,
  now: number,
  waitUntil: WaitUntil,
): Promise<JWTPayload> {
  const { algorithm, place } = token;
  // Before anything is fetched for it.
  if (!settings.algorithms.some((allowed) => allowed === algorithm)) {
    throw refused(place, "is signed by an algorithm that is not one of JWT_ALGORITHMS");
  }
  for (const key of await findKeys(token, waitUntil)) {
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

function toOptions(
  { algorithm }: Token,
  settings: JwtSettings,
  now: number,
): Parameters<typeof jwtVerify>[2] {
  const { issuers, audiences, clockSkewS } = settings;
  return {
    algorithms: [algorithm],
    // One that never ends cannot be taken back.
    requiredClaims: ["exp"],
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
  // JSON's 1e999 is one, too.
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

const NO_END = "has no exp that is a number: one that never ends is not taken";

/** By jose's name of the claim. */
const CLAIM_REFUSALS: { readonly [claim: string]: string } = {
  iss: "is not from JWT_ISSUER",
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
