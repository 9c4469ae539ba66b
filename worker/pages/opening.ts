/** How somebody came to a page. */
export type Opening =
  /** By typing, from a bookmark, out of another program. */
  | "by hand"
  /** By a link or a form of a page of this very host. */
  | "from here"
  /** By a link, a form or a script of another page, which he may not have noticed. */
  | "from elsewhere"
  /** As somebody who comes from here, says a service worker, whoever he is. */
  | "through a service worker"
  /** Nobody came: a picture, a frame, a script, a prefetch. */
  | "unseen";

/**
 * Tells by what browsers say of a request (Fetch Metadata), and no page can change. What says nothing of it (curl, an
 * older browser) is taken at its word.
 */
export function toOpening({ method, headers }: Request): Opening {
  const destination = headers.get("sec-fetch-dest") ?? "document";
  const isEarly = headers.has("sec-purpose") || headers.has("purpose") || headers.has("x-moz");
  // Of a WebSocket's handshake Chromium says nothing.
  if (method === "HEAD" || isEarly || headers.has("upgrade")) return "unseen";
  // No page can ask so by itself: it is `fetch(event.request)` for a document, or for a frame.
  if (destination === "empty" && headers.get("sec-fetch-mode") === "navigate")
    return "through a service worker";
  if (destination !== "document") return "unseen";
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site === "none") return "by hand";
  return site === "same-origin" ? "from here" : "from elsewhere";
}
