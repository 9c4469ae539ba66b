import { findCookies } from "../isolate/find-cookies.ts";

/** Keeps a token in one browser. The prefix binds the cookie to https, to exactly this host and to every path. */
const COOKIE = "__Host-sluice-override";

const OWN_PAIR = new RegExp(`^[ \\t]*${COOKIE}=`);

const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** The unverified token of a `Cookie` header; the first of several, which no browser sends. */
export function findOverrideToken(cookieHeader: string | null): string | undefined {
  return findCookies(cookieHeader, COOKIE)[0];
}

/**
 * A `Cookie` header without the token: in a log of the origin it would open the features that it names. The bytes of
 * all other cookies stay unchanged.
 *
 * @returns "" when nothing is left
 */
export function withoutOverrideCookie(cookieHeader: string): string {
  const pairs = cookieHeader.split(";");
  const others = pairs.filter((pair) => !OWN_PAIR.test(pair));
  return others.length === pairs.length ? cookieHeader : others.join(";").replace(/^[ \t]+/, "");
}

/**
 * The value of `Set-Cookie` for a token.
 *
 * @param seconds how long the browser keeps it; 0 removes it
 */
export function overrideCookie(token: string, seconds: number): string {
  return `${COOKIE}=${token}; Max-Age=${seconds}; ${ATTRIBUTES}`;
}
