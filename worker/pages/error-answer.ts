import { acceptsHtml } from "../isolate/accepts-html.ts";
import { ownPage } from "./own-page.ts";
import { problem } from "./problem.ts";

/**
 * An error as whoever asks can read it: a page for browsers, a problem (RFC 9457) for programs.
 *
 * @param detail for whoever sees it: nothing of the inside
 */
export function errorAnswer({ headers }: Request, status: number, title: string, detail: string): Response {
  if (!acceptsHtml(headers)) return problem(status, title, detail);
  return ownPage({
    status,
    title,
    blocks: [`<p>${detail.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</p>`],
  });
}
