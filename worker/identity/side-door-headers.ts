/**
 * Headers by which servers and frameworks take another path than the URL's, for proxies and parts of their own that
 * stand before them. From a client each is a way past a gate.
 */
const NAMES: ReadonlySet<string> = new Set([
  // IIS' URL Rewrite, Symfony, Laminas, and whoever copied them.
  "x-original-url",
  "x-original-uri",
  "x-original-path",
  "x-rewrite-url",
  "x-rewrite-uri",
  "x-rewritten-url",
  // Below which path an application stands: it is cut off, or put before links.
  "x-forwarded-prefix",
  "x-forwarded-path",
  "x-forwarded-uri",
  "x-forwarded-url",
  "x-forwarded-pathbase",
  "x-script-name",
  // Envoy, and Azure's two.
  "x-envoy-original-path",
  "x-ms-original-url",
  "x-waws-unencoded-url",
  // Next.js behind its own proxy; Astro and its edge function.
  "x-matched-path",
  "x-now-route-matches",
  "x-astro-path",
  "x-astro-locals",
]);

/** Next.js' own from one of its parts to the next; with `x-middleware-subrequest` its middleware is not asked at all. */
const PREFIXES: readonly string[] = ["x-middleware-", "x-invoke-"];

/** A browser's, of a request that it makes before somebody clicks: it names no path. */
const KEPT: ReadonlySet<string> = new Set(["x-middleware-prefetch"]);

/** @param name in lower case, with `-` for whatever is neither letter nor digit */
export function isSideDoor(name: string): boolean {
  return NAMES.has(name) || (!KEPT.has(name) && PREFIXES.some((prefix) => name.startsWith(prefix)));
}
