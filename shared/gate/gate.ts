import { withoutPaths } from "./side-doors.ts";

/** What a gate does with a blocked request: rewrites it to another page, redirects it, or answers with an error page. */
export type Otherwise =
  | { readonly rewrite: string }
  | { readonly redirect: string; readonly status: 302 | 303 | 307 }
  | {
      readonly status: 403 | 404 | 410;
      /** A page of the site to show with this status. Absent: a plain page of the worker. */
      readonly page?: string;
    };

/** One gate of a flag in the snapshot: pages that are only visible to users for whom the flag is on. */
export interface Gate {
  /** A URLPattern for the pathname. A pattern such as `/ai/*` also matches `/ai`. */
  readonly pattern: string;
  readonly otherwise: Otherwise;
}

/** A flag's gates at the time of the deploy. */
export interface DeployedGate {
  readonly flag: string;
  readonly gates: readonly Gate[];
}

/** The page of the site that a gate shows instead; undefined when it has none. */
export function targetOf(otherwise: Otherwise): string | undefined {
  if ("rewrite" in otherwise) return otherwise.rewrite;
  return "redirect" in otherwise ? otherwise.redirect : otherwise.page;
}

/** Replaces the path and query of a URL. `path` may contain a query. */
export function withPath(from: URL, path: string): URL {
  const target = new URL(from);
  const [, pathname = "/", query = ""] = /^([^?#]*)\??([^#]*)/.exec(path) ?? [];
  target.pathname = pathname;
  target.search = query;
  return target;
}

/** Replaces the path of a URL. A query in `path` comes first, then the URL's own query. */
export function withPathKeepingQuery(from: URL, path: string): URL {
  const target = withPath(from, path);
  target.search = [target.search.slice(1), withoutPaths(from.search)].filter((part) => part !== "").join("&");
  return target;
}
