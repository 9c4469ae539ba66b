import { acceptsHtml } from "../isolate/html.ts";
import { ownPage } from "./own-page.ts";

/**
 * An error in the form that the client reads: a page for browsers, a problem (RFC 9457) for programs.
 *
 * @param detail shown to visitors: it must not contain internals
 */
export function errorAnswer({ headers }: Request, status: number, title: string, detail: string): Response {
  if (acceptsHtml(headers)) {
    const text = detail.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return ownPage({ status, title, blocks: [`<p>${text}</p>`] });
  }
  return Response.json(
    { type: "about:blank", title, status, detail },
    { status, headers: { "content-type": "application/problem+json", "cache-control": "no-store" } },
  );
}
