import { parseContext, type EvaluationContext } from "../../../shared/flag/context.ts";
import { ANONYMOUS_PREFIX, isAnonymousId } from "../visitor/anonymous-id.ts";
import { WorkerFault } from "../../isolate/fault.ts";
import type { ClaimMapping } from "./jwt-claims.ts";

/** Who the bearer of a verified token is. */
export interface JwtIdentity {
  /** Has a `userId` and no `anonymousId`. */
  readonly context: EvaluationContext;
  /** The anonymous id under which the user signed up: claim `anonymous_id`. */
  readonly anonymousId?: string;
}

/**
 * Makes an identity from verified claims.
 *
 * @throws WorkerFault `jwt-refused`: it names attributes, never their values
 */
export function toIdentity(
  claims: Readonly<Record<string, unknown>>,
  mappings: readonly ClaimMapping[],
): JwtIdentity {
  const attributes = Object.fromEntries(
    mappings.map(({ attribute, read }) => [attribute, toAttribute(attribute, read(claims))]),
  );
  if (!isVerifiedEmail(claims)) delete attributes["email"];
  const parsed = parseContext(attributes);
  if ("problem" in parsed) throw new WorkerFault("jwt-refused", `JWT_CLAIMS: ${parsed.problem}`);
  const { context } = parsed;
  if (context.userId === undefined) {
    throw new WorkerFault("jwt-refused", "a token names no user: it lacks the claim for userId");
  }
  if (context.userId.startsWith(ANONYMOUS_PREFIX)) {
    throw new WorkerFault("jwt-refused", `a user id must not begin with "${ANONYMOUS_PREFIX}"`);
  }
  const { anonymous_id: anonymousId } = claims;
  const isOurs = typeof anonymousId === "string" && isAnonymousId(anonymousId);
  return isOurs ? { context, anonymousId } : { context };
}

/** Some issuers send every claim as a text. */
function toAttribute(name: string, claim: unknown): unknown {
  if (name !== "isEmployee" || (claim !== "true" && claim !== "false")) return claim;
  return claim === "true";
}

/** Where a user may enter any address, an unverified one must not make him a colleague. */
function isVerifiedEmail(claims: Readonly<Record<string, unknown>>): boolean {
  if (!Object.hasOwn(claims, "email_verified")) return true;
  const { email_verified: verified } = claims;
  return verified === true || verified === "true";
}
