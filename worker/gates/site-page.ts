import type { Closed, Passage } from "../../shared/gate/pass-gates.ts";
import { withPath } from "../../shared/gate/gate.ts";
import { acceptsHtml } from "../isolate/accepts-html.ts";
import { closedPage } from "./closed-page.ts";

/** A page of the site that is shown with the status of a gate, to somebody whom the gate turned away. */
export interface SitePage {
  readonly url: URL;
  readonly method: "GET" | "HEAD";
  /** What asks for it in the place of the request that came: without its body, and whatever else was about that one. */
  toRequest(headers: Headers): Request;
  /** The answer to the request that came; the worker's own plain page where the site has none to show. */
  toAnswer(page: Response): Response;
}

/**
 * The page that a gate names, for whoever wants to see one. Only a page that this visitor may see: it passes the gates
 * as if it had been asked for.
 *
 * @param pass leads a URL past the gates of this visitor
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
      for (const name of Array.from(kept.keys())) if (isAboutTheOther(name)) kept.delete(name);
      return new Request(url, { method, headers: kept, cache: "no-store" });
    },
    toAnswer: (page) => toClosedAnswer(received, closed, page),
  };
}

/** Programs, and frameworks that ask for data, are answered with a problem, and a WebSocket has no page. */
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

const isAboutTheOther = (name: string): boolean =>
  NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));

/** Headers that tell a cache how to keep a copy, or ask again for one: the page is the answer to this once. */
const OF_A_COPY: readonly string[] = ["etag", "last-modified", "accept-ranges", "content-range", "age"];

function toClosedAnswer(received: Request, closed: Closed, page: Response): Response {
  if (page.status !== 200 || !/^text\/html\s*(?:;|$)/i.test(page.headers.get("content-type") ?? "")) {
    return closedPage(received, closed);
  }
  const headers = new Headers(page.headers);
  for (const name of OF_A_COPY) headers.delete(name);
  headers.set("cache-control", "no-store");
  return new Response(page.body, { status: closed.status, headers });
}
