import { withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import { toFault } from "../isolate/fault.ts";
import type { JwtReader } from "./jwt/jwt-reader.ts";
import { toLocation, withLocation } from "./location.ts";
import type { Report } from "../isolate/report.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import type { Stripped } from "./strip.ts";
import { readTrustedContext } from "./trusted-context.ts";
import type { Place, Places } from "./visitor/visitor-place.ts";

/** Who asks. */
export interface Visitor {
  readonly context: EvaluationContext;
  /** The cookie that the browser should keep from now on, as a value of `Set-Cookie`. */
  readonly setCookie?: string;
}

/** Finds out who asks. */
export type Identify = (request: Request, stripped: Stripped, waitUntil: WaitUntil) => Promise<Visitor>;

interface IdentifyOptions {
  /** Absent: no token is believed. */
  readonly readJwt?: JwtReader;
  /** What a proxy may prove itself by; none: no proxy is believed. */
  readonly contextSecrets: readonly string[];
  readonly places: Places;
  readonly report: Report;
}

/**
 * The first that holds says who asks: a verified token, a trusted proxy's word, the anonymous cookie, a fresh anonymous
 * id. A claim that does not hold is reported and then ignored: its sender is as anonymous as anybody.
 */
export function createIdentify({ readJwt, contextSecrets, places, report }: IdentifyOptions): Identify {
  async function readVerified(
    { headers, claim }: Stripped,
    waitUntil: WaitUntil,
  ): Promise<EvaluationContext> {
    const identity = await readJwt?.(headers, waitUntil);
    if (identity !== undefined) {
      const { context, anonymousId } = identity;
      return anonymousId === undefined ? context : { ...context, anonymousId };
    }
    if (claim === undefined) return {};
    try {
      return await readTrustedContext(claim, contextSecrets);
    } catch (error) {
      report(toFault(error));
      return {};
    }
  }

  async function findPlace(
    { userId, anonymousId }: EvaluationContext,
    cookie: string | null,
  ): Promise<Place> {
    if (userId !== undefined) return places.ofAccount({ userId, anonymousId }, cookie);
    // A proxy may know the plan of somebody who has not signed in: the place is then the cookie's.
    return anonymousId === undefined ? places.ofAnonymous(cookie) : { anonymousId };
  }

  return async function identify(request, stripped, waitUntil) {
    const verified = await readVerified(stripped, waitUntil);
    const { anonymousId, setCookie } = await findPlace(verified, stripped.headers.get("cookie"));
    const known = { ...verified, ...(anonymousId !== undefined && { anonymousId }) };
    const context = withTargetingKey(withLocation(known, toLocation(request.cf)));
    return { context, ...(setCookie !== undefined && { setCookie }) };
  };
}
