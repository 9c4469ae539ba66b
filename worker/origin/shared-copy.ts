/** How caches say that an answer was a copy; `Age` is HTTP's own word, the others are those of single vendors. */
const STATUS_HEADERS = ["cf-cache-status", "x-vercel-cache", "x-cache", "x-proxy-cache"];

const COPY = /\b(?:hit|stale|updating|revalidated|prerender)\b/i;

/**
 * Whether a page came out of a cache behind the worker that does not tell one decision from another: it may have been
 * made for somebody else.
 */
export function isSharedCopy({ headers }: Response): boolean {
  if (!/^text\/html\s*(?:;|$)/i.test(headers.get("content-type") ?? "")) return false;
  // Vary is what makes such a cache right.
  const varies = (headers.get("vary") ?? "").toLowerCase().split(",");
  if (varies.some((name) => name.trim() === "x-flags")) return false;
  return (
    Number(headers.get("age") ?? 0) > 0 || STATUS_HEADERS.some((name) => COPY.test(headers.get(name) ?? ""))
  );
}
