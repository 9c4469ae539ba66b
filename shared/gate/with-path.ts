import { withoutPaths } from "./side-doors.ts";

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
