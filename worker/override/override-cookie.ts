import { findCookies } from "../isolate/find-cookies.ts";

/** Keeps a token in one browser. The prefix binds it to https, to this very host and to every path. */
const COOKIE = "__Host-sluice-override";

const OWN_PAIR = new RegExp(`^[ \\t]*${COOKIE}=`);

const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** The token of a `Cookie` header, unverified; of several the first, as no browser sends several. */
export function findOverrideToken(cookieHeader: string | null): string | undefined {
  return findCookies(cookieHeader, COOKIE)[0];
}

/**
 * A `Cookie` header without the token, which is no affair of the origin's: in a log of the origin's it would be a key to
 * the features that it names. The bytes of all other cookies stay as they are.
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
 * @param seconds how long it holds; 0 takes it away
 */
export function overrideCookie(token: string, seconds: number): string {
  return `${COOKIE}=${token}; Max-Age=${seconds}; ${ATTRIBUTES}`;
}
