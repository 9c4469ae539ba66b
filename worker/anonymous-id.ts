/** The cookie that keeps a visitor's place. The prefix binds it to https, to this very host and to every path. */
const COOKIE = "__Host-sluice-id";

/** No verified user id may begin with it, so a cookie, which anyone can write, can never claim a listed id. */
export const ANONYMOUS_PREFIX = "anon-";

/** Twelve months: the longest that browsers keep a cookie is little more. */
const MAX_AGE_S = 31_536_000;

/** The id's 16 bytes are 22 base64url characters. A value that is not exactly that is not ours. */
const PAIR = new RegExp(`^${COOKIE}=(${ANONYMOUS_PREFIX}[A-Za-z0-9_-]{22})$`);

/** The first valid anonymous id of a `Cookie` header. */
export function findAnonymousId(cookieHeader: string | null): string | undefined {
  if (cookieHeader === null) return undefined;
  // Two Cookie headers are joined by a comma, and no valid id holds one.
  for (const pair of cookieHeader.split(/[;,]/)) {
    const id = PAIR.exec(pair.trim())?.[1];
    if (id !== undefined) return id;
  }
  return undefined;
}

/** A new id, random and meaningless. */
export function mintAnonymousId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const base64 = btoa(String.fromCharCode(...bytes));
  return `${ANONYMOUS_PREFIX}${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** The value of `Set-Cookie` for an id. */
export function anonymousCookie(id: string): string {
  return `${COOKIE}=${id}; Path=/; Max-Age=${MAX_AGE_S}; Secure; HttpOnly; SameSite=Lax`;
}
