import type { Closed, Passage } from "../../shared/gate/pass-gates.ts";
import { withPath } from "../../shared/gate/gate.ts";
import { acceptsHtml, isHtml } from "../isolate/html.ts";
import { errorAnswer } from "../pages/error-answer.ts";

const TITLES = { 403: "Forbidden", 404: "Not Found", 410: "Gone" } as const;

/**
 * The answer to a request that a gate blocked. It must not be stored: the gate may open the next moment, and is open for
 * other visitors.
 */
export function closedPage(request: Request, closed: Closed): Response {
  const { status } = closed;
  if ("redirect" in closed) {
    return new Response(null, {
      status,
      headers: { location: closed.redirect, "cache-control": "no-store" },
    });
  }
  return errorAnswer(request, status, TITLES[closed.status], "There is no such page here.");
}

/** A page of the site that is shown with the status of a gate, to a visitor whom the gate blocked. */
export interface SitePage {
  readonly url: URL;
  readonly method: "GET" | "HEAD";
  /** The request for this page, in place of the one received: without its body and the headers about it. */
  toRequest(headers: Headers): Request;
  /** The answer to the received request; the worker's own plain page when the site has none to show. */
  toAnswer(page: Response): Response;
}

/**
 * The page that a gate names, when the request wants a page. Only a page that this visitor may see: it must pass the
 * gates itself.
 *
 * @param pass checks a URL against the gates for this visitor
 */
export function findSitePage(
  received: Request,
  closed: Closed,
  target: URL,
  pass: (url: URL) => Passage,
): SitePage | undefined {
  if ("redirect" in closed || closed.page === undefined || !wantsPage(received)) return undefined;
  const passage = pass(withPath(target, closed.page));
  if ("closed" in passage) return undefined;
  const { url } = passage;
  const method = received.method === "HEAD" ? "HEAD" : "GET";
  return {
    url,
    method,
    toRequest(headers) {
      const kept = new Headers(headers);
      for (const name of Array.from(kept.keys())) if (isAboutReceived(name)) kept.delete(name);
      return new Request(url, { method, headers: kept, cache: "no-store" });
    },
    toAnswer: (page) => toClosedAnswer(received, closed, page),
  };
}

/** Programs, and frameworks that ask for data, get a problem instead; a WebSocket has no page. */
function wantsPage({ headers }: Request): boolean {
  return acceptsHtml(headers) && !headers.has("upgrade");
}

const PREFIXES: readonly string[] = ["content-", "if-", "sec-websocket-", "next-"];
const NAMES: ReadonlySet<string> = new Set([
  "expect",
  "range",
  "rsc",
  "te",
  "transfer-encoding",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-nextjs-data",
]);

/** Whether a header is about the received request, and not about its sender. */
const isAboutReceived = (name: string): boolean =>
  NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));

/** Headers for storing a copy or asking for one again: the page is the answer to one request. */
const COPY_HEADERS: readonly string[] = ["etag", "last-modified", "accept-ranges", "content-range", "age"];

function toClosedAnswer(received: Request, closed: Closed, page: Response): Response {
  if (page.status !== 200 || !isHtml(page)) return closedPage(received, closed);
  const headers = new Headers(page.headers);
  for (const name of COPY_HEADERS) headers.delete(name);
  headers.set("cache-control", "no-store");
  return new Response(page.body, { status: closed.status, headers });
}
