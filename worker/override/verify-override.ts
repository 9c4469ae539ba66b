import { errors, jwtVerify } from "jose";
import {
  MAX_OVERRIDE_S,
  MAX_OVERRIDE_TOKEN,
  OVERRIDE_TYPE,
  overrideAudience,
  parseOverrides,
  type Overrides,
} from "../../shared/flag/override.ts";
import { Fault } from "../isolate/fault.ts";
import type { SigningKeys } from "../isolate/signing-settings.ts";

/** An override that holds. */
export interface Override {
  readonly overrides: Overrides;
  /** From when on it holds no longer, in milliseconds since the epoch. */
  readonly endsAt: number;
}

/** What an override must be signed by, and for whom. */
export interface OverrideRules {
  readonly keys: SigningKeys;
  readonly environment: string;
}

/** How far the publisher's clock may be ahead of this one, in seconds. */
const CLOCK_SKEW_S = 60;

/**
 * Checks a token: a compact JWS by HMAC-SHA256 of a type, a key and an audience of its own, that ends.
 *
 * @param now milliseconds since the epoch
 * @throws Fault `override-ended`, or `override-refused` for every other reason; nothing of the token is in it
 */
export async function verifyOverride(
  token: string,
  { keys, environment }: OverrideRules,
  now: number,
): Promise<Override> {
  if (token.length > MAX_OVERRIDE_TOKEN) throw refused("it is longer than any that the publisher signs");
  const { payload } = await jwtVerify(
    token,
    ({ kid }) => {
      const key = keys.find(({ id }) => id === kid);
      if (key === undefined) throw refused("its key is none of OVERRIDE_KEYS");
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
    throw error instanceof Fault ? error : toRefusal(error);
  });
  const { exp = 0, iat = 0, flags } = payload;
  // Where the two clocks differ an override may begin early, and never ends late.
  if (exp * 1000 <= now) throw ended();
  if (exp - iat > MAX_OVERRIDE_S) throw refused("it is to hold for more than a week");
  const parsed = parseOverrides(flags);
  if ("problem" in parsed) throw refused(parsed.problem);
  return { overrides: parsed.value, endsAt: exp * 1000 };
}

const refused = (why: string): Fault => new Fault("override-refused", `an override does not hold: ${why}`);

const ended = (): Fault => new Fault("override-ended", "an override does not hold any longer");

/** jose's own texts are not taken over: only its codes, and the name of the claim. */
function toRefusal(error: unknown): Fault {
  if (error instanceof errors.JWTExpired) return ended();
  if (error instanceof errors.JWTClaimValidationFailed) return refused(`${error.code}, ${error.claim}`);
  return refused(error instanceof errors.JOSEError ? error.code : "it is malformed");
}
