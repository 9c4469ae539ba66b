import { attributeReader, type AttributeReader } from "../../../shared/flag/context.ts";
import type { Parsed } from "../../../shared/flag/fault.ts";

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
