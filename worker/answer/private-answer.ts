/**
 * The directives of an origin's `Cache-Control` that are kept. A lifetime is kept only beside `private`: without it, the
 * origin meant a page that is the same for everybody.
 */
const DIRECTIVES: Readonly<Record<string, "always" | "if private">> = {
  private: "always",
  "no-store": "always",
  "no-cache": "always",
  "must-revalidate": "always",
  "proxy-revalidate": "always",
  "no-transform": "always",
  "max-age": "if private",
  immutable: "if private",
  "stale-while-revalidate": "if private",
  "stale-if-error": "if private",
};

/**
 * Makes the answer to an evaluated request private: no shared cache may store it, and a browser asks again before it
 * shows its copy, unless the origin gave that copy a lifetime. The worker cannot see whether the origin read the flags,
 * so it treats every status, type and method alike.
 */
export function toPrivateAnswer(response: Response): Response {
  // A WebSocket cannot be copied, and no cache stores one.
  if (response.status === 101) return response;
  const copy = new Response(response.body, response);
  for (const name of Array.from(copy.headers.keys())) {
    if (overridesCacheControl(name)) copy.headers.delete(name);
  }
  copy.headers.set("cache-control", toPrivate(response.headers.get("cache-control")));
  return copy;
}

/**
 * A static answer keeps the origin's caching. One that sets a cookie belongs to one visitor on any path, so no cache may
 * give it to another.
 */
export function toSharedAnswer(response: Response): Response {
  return response.headers.has("set-cookie") ? toPrivateAnswer(response) : response;
}

/**
 * Headers that some cache prefers to `Cache-Control`: `CDN-Cache-Control` and its relatives (RFC 9213), Akamai's and
 * nginx' own. `Expires` would contradict the `Cache-Control` that is set here.
 */
function overridesCacheControl(name: string): boolean {
  return (
    name.endsWith("-cache-control") ||
    ["surrogate-control", "edge-control", "x-accel-expires", "expires"].includes(name)
  );
}

function toPrivate(given: string | null): string {
  const directives = (given ?? "").split(",").map((directive) => directive.trim().toLowerCase());
  // `private="name"` does not count: it is about that one header only.
  const isPrivate = directives.includes("private");
  const kept = directives.filter((directive) => {
    const name = /^([a-z-]+)(?:=\d+)?$/.exec(directive)?.[1] ?? "";
    const when = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined;
    return when === "always" ? directive === name : when === "if private" && isPrivate;
  });
  if (kept.includes("no-store")) return kept.join(", ");
  if (!isPrivate) kept.unshift("private");
  if (!kept.some((directive) => directive === "no-cache" || directive.startsWith("max-age="))) {
    kept.push("no-cache");
  }
  return kept.join(", ");
}
