import type { Closed, Passage } from "../../shared/gate/pass-gates.ts";
import { findSitePage, type SitePage } from "./site-page.ts";

/** Where a request goes after the gates: to its own URL, or to the page that a gate shows instead. */
export interface Course {
  readonly url: URL;
  readonly method: string;
  /** The page that a gate shows; absent where the request itself goes on. */
  readonly page?: SitePage | undefined;
}

/**
 * Checks a request against the gates.
 *
 * @param pass checks a URL against the gates for this visitor
 * @returns `closed` when the request is blocked and there is no page to show
 */
export function toCourse(
  received: Request,
  target: URL,
  pass: (url: URL) => Passage,
): Course | { readonly closed: Closed } {
  const passage = pass(target);
  if ("url" in passage) return { url: passage.url, method: received.method };
  const page = findSitePage(received, passage.closed, target, pass);
  return page === undefined ? passage : { url: page.url, method: page.method, page };
}
