import type { Closed } from "../../shared/gate/pass-gates.ts";
import { errorAnswer } from "../pages/error-answer.ts";

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
  return errorAnswer(request, status, TITLES[closed.status], "There is no such page here.");
}
