import type { Closed, Passage } from "../../shared/gate/pass-gates.ts";
import { findSitePage, type SitePage } from "./site-page.ts";

/** Where a request goes from the gates: on, or to the page that a gate shows in its place. */
export interface Course {
  readonly url: URL;
  readonly method: string;
  /** The page that a gate shows; absent where the request itself goes on. */
  readonly page?: SitePage | undefined;
}

/**
 * Leads a request past the gates.
 *
 * @param pass leads a URL past them, for this visitor
 * @returns `closed` where it goes nowhere
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
