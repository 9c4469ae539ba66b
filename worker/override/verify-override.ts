import { errors, jwtVerify } from "jose";
import {
  MAX_OVERRIDE_S,
  MAX_OVERRIDE_TOKEN,
  OVERRIDE_TYPE,
  overrideAudience,
  parseOverrides,
  type Overrides,
} from "../../shared/flag/override.ts";
import type { SigningKeys } from "../../shared/x-flags/signing-keys.ts";
import { WorkerFault, toFault, type Report } from "../isolate/fault.ts";

/** A verified override. */
export interface Override {
  readonly overrides: Overrides;
  /** When it ends, in milliseconds since the epoch. */
  readonly endsAt: number;
}

/** The keys that must sign an override, and the environment it must be for. */
export interface OverrideRules {
  readonly keys: SigningKeys;
  readonly environment: string;
}

/** How far the publisher's clock may be ahead of this one, in seconds. */
const CLOCK_SKEW_S = 60;

/**
 * The overrides of a browser's cookie. A token that is not valid is reported and ignored; an expired one is ignored
 * without a report.
 *
 * @param rules undefined when OVERRIDE_KEYS is not set: every token is ignored
 */
export async function readOverride(
  token: string | undefined,
  rules: OverrideRules | undefined,
  report: Report,
): Promise<Overrides | undefined> {
  if (token === undefined || token === "" || rules === undefined) return undefined;
  try {
    return (await verifyOverride(token, rules, Date.now())).overrides;
  } catch (error) {
    const fault = toFault(error);
    if (fault.word !== "override-ended") report(fault);
    return undefined;
  }
}

/**
 * Verifies a token: a compact JWS by HMAC-SHA256 that expires, with a type, a key and an audience of its own.
 *
 * @param now milliseconds since the epoch
 * @throws WorkerFault `override-ended`, or `override-refused` for every other reason; it holds nothing of the token
 */
export async function verifyOverride(
  token: string,
  { keys, environment }: OverrideRules,
  now: number,
): Promise<Override> {
  if (token.length > MAX_OVERRIDE_TOKEN)
    throw refused("it is longer than any token that the publisher signs");
  const { payload } = await jwtVerify(
    token,
    ({ kid }) => {
      const key = keys.find(({ id }) => id === kid);
      if (key === undefined) throw refused("its key is not one of OVERRIDE_KEYS");
      return key.secret;
    },
    {
      algorithms: ["HS256"],
      typ: OVERRIDE_TYPE,
      audience: overrideAudience(environment),
      requiredClaims: ["exp", "jti"],
      currentDate: new Date(now),
      clockTolerance: CLOCK_SKEW_S,
      maxTokenAge: MAX_OVERRIDE_S,
    },
  ).catch((error: unknown) => {
    throw error instanceof WorkerFault ? error : toRefusal(error);
  });
  const { exp = 0, iat = 0, flags } = payload;
  // Where the two clocks differ an override may begin early, but never end late.
  if (exp * 1000 <= now) throw ended();
  if (exp - iat > MAX_OVERRIDE_S) throw refused("it lasts for more than a week");
  const parsed = parseOverrides(flags);
  if ("problem" in parsed) throw refused(parsed.problem);
  return { overrides: parsed.value, endsAt: exp * 1000 };
}

const refused = (why: string): WorkerFault =>
  new WorkerFault("override-refused", `an override is not valid: ${why}`);

const ended = (): WorkerFault => new WorkerFault("override-ended", "an override has expired");

/** jose's texts may quote the token: only its codes and the name of the claim are used. */
function toRefusal(error: unknown): WorkerFault {
  if (error instanceof errors.JWTExpired) return ended();
  if (error instanceof errors.JWTClaimValidationFailed) return refused(`${error.code}, ${error.claim}`);
  return refused(error instanceof errors.JOSEError ? error.code : "it is malformed");
}
