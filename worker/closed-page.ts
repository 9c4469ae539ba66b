import type { Closed } from "../shared/gate/pass-gates.ts";
import { acceptsHtml } from "./accepts-html.ts";
import { ownPage } from "./own-page.ts";
import { problem } from "./problem.ts";

const TITLES = { 403: "Forbidden", 404: "Not Found", 410: "Gone" } as const;

/**
 * The answer to a request that a gate turned away. Nobody may keep it: the gate may be open the next moment, and it is
 * open for others already.
 */
export function closedPage(request: Request, closed: Closed): Response {
  const { status } = closed;
  if ("redirect" in closed) {
    return new Response(null, {
      status,
      headers: { location: closed.redirect, "cache-control": "no-store" },
    });
  }
  const title = TITLES[closed.status];
  const detail = "There is no such page here.";
  if (!acceptsHtml(request.headers)) return problem(status, title, detail);
  return ownPage({ status, title, blocks: [`<p>${detail}</p>`] });
}
