import { withoutPaths } from "./side-doors.ts";

/** Where a request goes that a gate turns away: another page of the site, passed on or redirected to, or an error page. */
export type Otherwise =
  | { readonly rewrite: string }
  | { readonly redirect: string; readonly status: 302 | 303 | 307 }
  | {
      readonly status: 403 | 404 | 410;
      /** A page of the site that is shown with this status; a plain one of the worker's own without it. */
      readonly page?: string;
    };

/** One gate of a flag, as the snapshot carries it: pages that only those see for whom the flag is on. */
export interface Gate {
  /** A URLPattern for the pathname; one that ends in `/*` is for the page without it, too. */
  readonly pattern: string;
  readonly otherwise: Otherwise;
}

/** A flag's gates as they were at the deploy. */
export interface DeployedGate {
  readonly flag: string;
  readonly gates: readonly Gate[];
}

/** The path to which a gate leads; undefined when it leads nowhere. */
export function targetOf(otherwise: Otherwise): string | undefined {
  if ("rewrite" in otherwise) return otherwise.rewrite;
  return "redirect" in otherwise ? otherwise.redirect : otherwise.page;
}

/** The same site, another path, which may bring a query along. */
export function withPath(from: URL, path: string): URL {
  const target = new URL(from);
  const [, pathname = "/", query = ""] = /^([^?#]*)\??([^#]*)/.exec(path) ?? [];
  target.pathname = pathname;
  target.search = query;
  return target;
}

/** The same URL with another path; its query stays, behind one that the new path brings along. */
export function withPathKeepingQuery(from: URL, path: string): URL {
  const target = withPath(from, path);
  target.search = [target.search.slice(1), withoutPaths(from.search)].filter((part) => part !== "").join("&");
  return target;
}
