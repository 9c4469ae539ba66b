/** Headers by which an origin speaks to shared caches alone. */
const SHARED_CACHE_HEADERS = ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control"];

/**
 * Adds the visitor's cookie to a document, and sees to it that no shared cache keeps the answer: it would
 * hand one visitor's id to all others. Any other answer is given back as it is, and the next document brings the cookie.
 *
 * @param setCookie undefined when the browser has the right cookie already
 */
export function addIdentityCookie(
  request: Request,
  response: Response,
  setCookie: string | undefined,
): Response {
  if (setCookie === undefined || !isDocument(request, response)) return response;
  const cacheControl = toPrivate(response.headers);
  if (cacheControl === undefined) return response;

  const copy = new Response(response.body, response);
  copy.headers.set("cache-control", cacheControl);
  copy.headers.append("set-cookie", setCookie);
  return copy;
}

function isDocument(request: Request, response: Response): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  // A 304 changes the headers of what a cache holds already; a 101 has no copy.
  if (response.status === 304 || response.status === 101) return false;
  return /^text\/html\s*(?:;|$)/i.test(response.headers.get("content-type") ?? "");
}

/**
 * The `Cache-Control` that keeps a document out of shared caches.
 *
 * @returns undefined when the origin wants it there: then it says that the page is the same for everybody, and we
 * neither contradict nor send a cookie along
 */
function toPrivate(headers: Headers): string | undefined {
  if (SHARED_CACHE_HEADERS.some((name) => headers.has(name))) return undefined;
  const given = headers.get("cache-control")?.trim() ?? "";
  if (given === "") return "private, no-cache";
  const directives = given.split(",").map((directive) => directive.trim().toLowerCase());
  if (directives.some((directive) => directive === "public" || directive.startsWith("s-maxage")))
    return undefined;
  // `private="name"` protects that one header only.
  if (directives.includes("private") || directives.includes("no-store")) return given;
  return `private, ${given}`;
}
