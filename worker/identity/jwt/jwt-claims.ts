import { attributeReader, type AttributeReader } from "../../../shared/flag/context.ts";
import { parseContext, type EvaluationContext } from "../../../shared/flag/context.ts";
import type { Parsed } from "../../../shared/flag/fault.ts";
import { WorkerFault } from "../../isolate/fault.ts";
import { ANONYMOUS_PREFIX, isAnonymousId } from "../visitor/anonymous-id.ts";

/** An attribute of the evaluation context, and how it is read from a token's claims. */
export interface ClaimMapping {
  readonly attribute: string;
  readonly read: AttributeReader;
}

/** A claim that must have one of these values. */
export interface RequiredClaim {
  readonly name: string;
  readonly read: AttributeReader;
  readonly values: readonly string[];
}

/** The default: `sub` is the user. */
export const SUBJECT_IS_USER: ClaimMapping = {
  attribute: "userId",
  read: (claims) => ownClaim(claims, "sub"),
};

const ATTRIBUTE_PATTERN = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Derived, or read from a claim of their own: JWT_CLAIMS must not set them. */
const RESERVED = ["targetingKey", "anonymousId"];
const MAX_PAIRS = 50;
const MAX_NAME_LENGTH = 256;

/**
 * Reads which claims become attributes, as in the setting: `attribute=claim`, or one name where both have the same name.
 * `userId` is `sub` unless the setting names another claim.
 *
 * @example
 * parseClaimMappings("email, plan=app_metadata.plan, isEmployee=https://example.com/is_employee")
 *
 * @returns at least the mapping of `userId`, or the problem, which names pairs by position
 */
export function parseClaimMappings(text: string): Parsed<readonly ClaimMapping[]> {
  const mappings: ClaimMapping[] = [];
  const pairs = splitPairs(text);
  if (pairs.length > MAX_PAIRS) return { problem: `must be at most ${MAX_PAIRS} attributes` };
  for (const [index, [attribute, claim = attribute]] of pairs.entries()) {
    const position = `attribute ${index + 1}`;
    if (!ATTRIBUTE_PATTERN.test(attribute)) {
      return { problem: `${position} must be a name of letters, digits and _, or attribute=claim` };
    }
    if (RESERVED.includes(attribute)) return { problem: `${position} cannot be set by a claim` };
    if (mappings.some((mapping) => mapping.attribute === attribute)) {
      return { problem: `${position} is listed twice` };
    }
    const read = claimReader(claim);
    if (read === undefined)
      return { problem: `${position} needs a claim, or a path such as app_metadata.plan` };
    mappings.push({ attribute, read });
  }
  if (mappings.some(({ attribute }) => attribute === "userId")) return { value: mappings };
  return { value: [SUBJECT_IS_USER, ...mappings] };
}

/**
 * Reads which claims a token must have, as in the setting: `claim=value`. A claim that is listed twice may have either
 * value.
 *
 * @example
 * parseRequiredClaims("token_use=access, client_id=1example23456789")
 */
export function parseRequiredClaims(text: string): Parsed<readonly RequiredClaim[]> {
  const required = new Map<string, RequiredClaim>();
  const pairs = splitPairs(text);
  if (pairs.length > MAX_PAIRS) return { problem: `must be at most ${MAX_PAIRS} claims` };
  for (const [index, [name, value]] of pairs.entries()) {
    const read = claimReader(name);
    if (read === undefined || value === undefined || value === "") {
      return { problem: `claim ${index + 1} must be claim=value` };
    }
    required.set(name, { name, read, values: [...(required.get(name)?.values ?? []), value] });
  }
  return { value: [...required.values()] };
}

/** Whether a claim, or one item of a list, equals one of the values. Texts, numbers and booleans are compared as text. */
export function hasRequired({ read, values }: RequiredClaim, claims: unknown): boolean {
  const claim = read(claims);
  return (Array.isArray(claim) ? claim : [claim]).some(
    (one) => ["string", "number", "boolean"].includes(typeof one) && values.includes(String(one)),
  );
}

/** `a=b, c` as pairs; only the first `=` separates, so that a value may contain more of them. */
function splitPairs(text: string): readonly (readonly [string, string?])[] {
  return text.split(",").map((item) => {
    const pair = item.trim();
    const at = pair.indexOf("=");
    return at === -1 ? [pair] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

/**
 * A name with `:` or `/` is one claim as written (`https://example.com/plan`, `custom:plan`) and may contain dots; any
 * other name is a path.
 */
function claimReader(name: string): AttributeReader | undefined {
  if (name.length > MAX_NAME_LENGTH || /\s/.test(name)) return undefined;
  return /[:/]/.test(name) ? (claims) => ownClaim(claims, name) : attributeReader(name);
}

function ownClaim(claims: unknown, name: string): unknown {
  if (typeof claims !== "object" || claims === null || !Object.hasOwn(claims, name)) return null;
  return (claims as Readonly<Record<string, unknown>>)[name];
}

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
