import { withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import { toFault, type Report } from "../isolate/fault.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import type { JwtReader } from "./jwt/jwt-reader.ts";
import { toLocation, withLocation } from "./location.ts";
import type { Stripped } from "./strip.ts";
import { readTrustedContext } from "./trusted-context.ts";
import type { VisitorId, VisitorIds } from "./visitor/visitor-ids.ts";

/** The sender of a request. */
export interface Visitor {
  readonly context: EvaluationContext;
  /** The cookie that the browser should store, as a value of `Set-Cookie`. */
  readonly setCookie?: string;
}

/** Finds out who sent a request. */
export type Identify = (request: Request, stripped: Stripped, waitUntil: WaitUntil) => Promise<Visitor>;

interface IdentifyOptions {
  /** Undefined: no token is accepted. */
  readonly readJwt?: JwtReader | undefined;
  /** The secrets with which a proxy may prove itself; none: no proxy is trusted. */
  readonly contextSecrets: readonly string[];
  readonly visitorIds: VisitorIds;
  readonly report: Report;
}

/**
 * The first valid source counts: a verified token, a trusted proxy's claim, the anonymous cookie, a new anonymous id. An
 * invalid claim is reported and ignored: its sender is anonymous.
 */
export function createIdentify({ readJwt, contextSecrets, visitorIds, report }: IdentifyOptions): Identify {
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

  async function findId(
    { userId, anonymousId }: EvaluationContext,
    cookie: string | null,
  ): Promise<VisitorId> {
    if (userId !== undefined) return visitorIds.ofAccount({ userId, anonymousId }, cookie);
    // A proxy may know the plan of somebody who is not signed in: the id then comes from the cookie.
    return anonymousId === undefined ? visitorIds.ofAnonymous(cookie) : { anonymousId };
  }

  return async function identify(request, stripped, waitUntil) {
    const verified = await readVerified(stripped, waitUntil);
    const { anonymousId, setCookie } = await findId(verified, stripped.headers.get("cookie"));
    const known = { ...verified, ...(anonymousId !== undefined && { anonymousId }) };
    const context = withTargetingKey(withLocation(known, toLocation(request.cf)));
    return { context, ...(setCookie !== undefined && { setCookie }) };
  };
}
