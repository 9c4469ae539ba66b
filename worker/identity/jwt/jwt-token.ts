import { decodeProtectedHeader } from "jose";
import { Fault } from "../../isolate/fault.ts";
import { findCookies } from "../../isolate/find-cookies.ts";

/** A token as it came, before anything of it is believed. */
export interface Token {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId?: string;
  /** Where it was, for the log. */
  readonly place: string;
}

/** The longest token, in characters; browsers keep no cookie of more than 4,096, and servers take headers of 8 KiB. */
const MAX_TOKEN_LENGTH = 8_192;

/** JWS compact serialization; the signature may be empty, as that of `none` is. */
const JWT_SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Finds the token of a request: `Authorization: Bearer`, else the cookie. Whoever sends a JWT as Authorization is who it
 * says or nobody: one that does not hold never falls back to the cookie. What is not a JWT there is the origin's business.
 *
 * @throws Fault `jwt-refused` when it is not clear which token is meant, or it is none
 */
export function findToken(headers: Headers, cookie: string | undefined): Token | undefined {
  return (
    findBearer(headers.get("authorization")) ??
    (cookie === undefined ? undefined : findCookie(headers, cookie))
  );
}

function findBearer(authorization: string | null): Token | undefined {
  if (authorization === null) return undefined;
  // Two headers are joined by a comma, and no token holds one.
  const tokens = authorization
    .split(",")
    .map((credentials) => toToken(/^\s*Bearer +(\S+)\s*$/i.exec(credentials)?.[1] ?? "", "Authorization"))
    .filter((token) => token !== undefined);
  const [token] = tokens;
  if (token !== undefined && authorization.includes(",")) {
    throw new Fault("jwt-refused", "Authorization came more than once");
  }
  return token;
}

/** Several of one name with different values are somebody's attempt, or a mistake: which would be a guess. */
function findCookie(headers: Headers, name: string): Token | undefined {
  const values = new Set(findCookies(headers.get("cookie"), name));
  values.delete("");
  const [value] = values;
  if (value === undefined) return undefined;
  const place = `the cookie ${name}`;
  if (values.size > 1) throw new Fault("jwt-refused", `${place} came more than once, with different values`);
  const token = toToken(value, place);
  if (token === undefined) throw new Fault("jwt-refused", `${place} holds no signed JWT`);
  return token;
}

/** @throws Fault `jwt-refused` for a token that is too long to be looked into */
function toToken(text: string, place: string): Token | undefined {
  if (!JWT_SHAPE.test(text)) return undefined;
  if (text.length > MAX_TOKEN_LENGTH) {
    throw new Fault("jwt-refused", `the token in ${place} is longer than ${MAX_TOKEN_LENGTH} characters`);
  }
  try {
    const { alg: algorithm, kid: keyId } = decodeProtectedHeader(text);
    if (typeof algorithm !== "string") return undefined;
    return { text, algorithm, place, ...(typeof keyId === "string" && { keyId }) };
  } catch {
    return undefined;
  }
}
