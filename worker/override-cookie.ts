/** Keeps a token in one browser. The prefix binds it to https, to this very host and to every path. */
const COOKIE = "__Host-sluice-override";

const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax";

/** Browsers separate cookies by `;`; two headers that became one are separated by `,`. No token holds either. */
const PAIR = new RegExp(`(^|[;,])[ \\t]*${COOKIE}=([^;,]*)`);
const PAIRS = new RegExp(PAIR, "g");

/** The first token of a `Cookie` header, unverified. */
export function findOverrideToken(cookieHeader: string | null): string | undefined {
  return cookieHeader === null ? undefined : PAIR.exec(cookieHeader)?.[2]?.trim();
}

/**
 * A `Cookie` header without the token, which is no affair of the origin's: in a log of the origin's it would be a key to
 * the features that it names. The bytes of all other cookies stay as they are.
 *
 * @returns "" when nothing is left
 */
export function withoutOverrideCookie(cookieHeader: string): string {
  const rest = cookieHeader.replace(PAIRS, "");
  return rest === cookieHeader ? rest : rest.replace(/^[;,][ \t]*/, "");
}

/**
 * The value of `Set-Cookie` for a token.
 *
 * @param seconds how long it holds; 0 takes it away
 */
export function overrideCookie(token: string, seconds: number): string {
  return `${COOKIE}=${token}; Max-Age=${seconds}; ${ATTRIBUTES}`;
}
