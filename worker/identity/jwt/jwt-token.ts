import { decodeProtectedHeader } from "jose";
import { WorkerFault } from "../../isolate/fault.ts";
import { findCookies } from "../../isolate/find-cookies.ts";

/** A token as received; nothing of it is trusted yet. */
export interface Token {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId?: string;
  /** Where it was found, for the log. */
  readonly source: string;
}

/** The longest token, in characters; browsers keep no cookie of more than 4,096, and servers take headers of 8 KiB. */
const MAX_TOKEN_LENGTH = 8_192;

/** JWS compact serialization; the signature may be empty, as with `none`. */
const JWT_SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Finds the token of a request: `Authorization: Bearer`, else the cookie. A JWT in Authorization that is refused makes
 * the request anonymous; the cookie is not tried then. An Authorization that is not a JWT is left to the origin.
 *
 * @throws WorkerFault `jwt-refused` when there is more than one token, or the cookie is not a token
 */
export function findToken(headers: Headers, cookie: string | undefined): Token | undefined {
  return (
    findBearer(headers.get("authorization")) ??
    (cookie === undefined ? undefined : findCookie(headers, cookie))
  );
}

function findBearer(authorization: string | null): Token | undefined {
  if (authorization === null) return undefined;
  // Two headers are joined by a comma, which no token contains.
  const tokens = authorization
    .split(",")
    .map((credentials) => toToken(/^\s*Bearer +(\S+)\s*$/i.exec(credentials)?.[1] ?? "", "Authorization"))
    .filter((token) => token !== undefined);
  const [token] = tokens;
  if (token !== undefined && authorization.includes(",")) {
    throw new WorkerFault("jwt-refused", "Authorization came more than once");
  }
  return token;
}

/** Several cookies of one name with different values are an attack or a mistake: choosing one would be a guess. */
function findCookie(headers: Headers, name: string): Token | undefined {
  const values = new Set(findCookies(headers.get("cookie"), name));
  values.delete("");
  const [value] = values;
  if (value === undefined) return undefined;
  const source = `the cookie ${name}`;
  if (values.size > 1) {
    throw new WorkerFault("jwt-refused", `${source} came more than once, with different values`);
  }
  const token = toToken(value, source);
  if (token === undefined) throw new WorkerFault("jwt-refused", `${source} holds no signed JWT`);
  return token;
}

/** @throws WorkerFault `jwt-refused` for a token that is too long to be parsed */
function toToken(text: string, source: string): Token | undefined {
  if (!JWT_SHAPE.test(text)) return undefined;
  if (text.length > MAX_TOKEN_LENGTH) {
    throw new WorkerFault(
      "jwt-refused",
      `the token in ${source} is longer than ${MAX_TOKEN_LENGTH} characters`,
    );
  }
  try {
    const { alg: algorithm, kid: keyId } = decodeProtectedHeader(text);
    if (typeof algorithm !== "string") return undefined;
    return { text, algorithm, source, ...(typeof keyId === "string" && { keyId }) };
  } catch {
    return undefined;
  }
}
