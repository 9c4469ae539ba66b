/**
 * What of an origin's `Cache-Control` is kept. How long a copy stays fresh is its word only where it speaks of one
 * visitor's own copy: what it says to all caches was meant for a page that is the same for everybody.
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
 * Makes the answer to a request that was evaluated one visitor's own: no shared cache may keep it, and a browser asks
 * again before it shows its copy, unless the origin gave that copy a time. Whether the origin looked at the flags cannot
 * be seen from here, so every status, type and method is treated alike.
 */
export function toPrivateAnswer(response: Response): Response {
  // There is no copy of a WebSocket, and no cache holds one.
  if (response.status === 101) return response;
  const copy = new Response(response.body, response);
  for (const name of Array.from(copy.headers.keys())) {
    if (speaksToCaches(name)) copy.headers.delete(name);
  }
  copy.headers.set("cache-control", toPrivate(response.headers.get("cache-control")));
  return copy;
}

/**
 * Headers that go before `Cache-Control` in one cache or another: `CDN-Cache-Control` and its relatives (RFC 9213),
 * Akamai's and nginx' own. `Expires` would be a second word beside the one that is set here.
 */
function speaksToCaches(name: string): boolean {
  return (
    name.endsWith("-cache-control") ||
    ["surrogate-control", "edge-control", "x-accel-expires", "expires"].includes(name)
  );
}

function toPrivate(given: string | null): string {
  const directives = (given ?? "").split(",").map((directive) => directive.trim().toLowerCase());
  // Not `private="name"`, which is about that one header only.
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
