/** How a browser came to a page. */
export type Opening =
  /** By a typed address, from a bookmark, or from another program. */
  | "by hand"
  /** By a link or a form of a page of this host. */
  | "from here"
  /** By a link, a form or a script of another host's page, which the user may not have noticed. */
  | "from elsewhere"
  /** A service worker answers for the page, and hides how the browser came. */
  | "through a service worker"
  /** No page is shown: a picture, a frame, a script, a prefetch. */
  | "unseen";

/**
 * Reads how a browser came to a page from its Fetch Metadata headers, which no page can change. A client that sends none
 * (curl, an older browser) counts as "by hand".
 */
export function toOpening({ method, headers }: Request): Opening {
  const destination = headers.get("sec-fetch-dest") ?? "document";
  const isEarly = headers.has("sec-purpose") || headers.has("purpose") || headers.has("x-moz");
  // Chromium sends no metadata with the handshake of a WebSocket.
  if (method === "HEAD" || isEarly || headers.has("upgrade")) return "unseen";
  // No page can send this itself: it is `fetch(event.request)` for a document, or for a frame.
  if (destination === "empty" && headers.get("sec-fetch-mode") === "navigate") {
    return "through a service worker";
  }
  if (destination !== "document") return "unseen";
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site === "none") return "by hand";
  return site === "same-origin" ? "from here" : "from elsewhere";
}

/** The longest target, in characters. */
const MAX_TARGET = 2_048;

/**
 * Where a link redirects once its override is active: a path of this site, with query and fragment.
 *
 * @param to as written in the link; anybody may have written it
 * @returns undefined for everything that a browser could read as another site
 */
export function readTarget(to: string): string | undefined {
  // Only printable ASCII: the URL parser drops tabs and line ends, and reads `\` as `/`.
  if (to.length > MAX_TARGET || !/^\/[\x21-\x7e]*$/.test(to) || to.includes("\\")) return undefined;
  const base = new URL("https://site.invalid");
  const url = URL.parse(to, base);
  if (url === null || url.origin !== base.origin) return undefined;
  // `/.//elsewhere.example` is a path until a browser parses it again as a `Location`.
  return url.pathname.startsWith("//") ? undefined : `${url.pathname}${url.search}${url.hash}`;
}
