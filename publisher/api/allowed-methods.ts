import { Problem } from "../problem/problem.ts";

/** One method of one path, as Hono writes them. */
interface Route {
  readonly method: string;
  readonly path: string;
}

/** The part of a Hono app that is used here, whatever its type parameters. */
interface App {
  all(path: string, handler: () => never): unknown;
}

/**
 * Answers other methods on paths that are there with 405 and `Allow`, where Hono would say 404. To be called after the
 * routes themselves are added: what they take does not get here.
 */
export function refuseOtherMethods(app: App, routes: readonly Route[]): void {
  for (const [path, ofPath] of Map.groupBy(routes, (route) => route.path)) {
    const methods = ofPath.map(({ method }) => method.toUpperCase());
    // Hono answers HEAD out of GET.
    const allow = (methods.includes("GET") ? [...methods, "HEAD"] : methods).toSorted().join(", ");
    app.all(path, () => {
      throw new Problem("method-not-allowed", `this takes ${allow}`, { headers: { allow } });
    });
  }
}
