import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { startOrigin, type Origin } from "../support/origin.ts";

/** The content of a page: for which decision and visitor it was made. */
export interface Page {
  readonly flag: "on" | "off";
  /** The targeting key; null if the worker sent no flags. */
  readonly key: string | null;
}

/** Pages that depend on the flag. Their entity tag comes from the build, not from the content, as on many sites. */
export const PAGES = ["/page", "/other?a=1", "/api", "/moved", "/missing"] as const;

/** Assets are the same for everybody. The second one sets a cookie nevertheless. */
export const ASSETS = ["/assets/app.js", "/assets/hello.js"] as const;

const TYPES: Readonly<Record<string, string>> = {
  "/api": "application/json",
  "/assets/app.js": "text/javascript",
};
const STATUSES: Readonly<Record<string, number>> = { "/moved": 301, "/missing": 404 };

const TAG = '"build-7"';

/**
 * A site that renders by `x-flags`.
 *
 * @param headers the caching headers of its pages
 */
export async function startSite(headers: Readonly<Record<string, string>>): Promise<Origin> {
  const origin = await startOrigin();
  origin.answer = (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const isAsset = path.startsWith("/assets/");
    response.setHeader("content-type", TYPES[path] ?? "text/html; charset=utf-8");
    response.setHeader("etag", TAG);
    const caching = isAsset ? { "cache-control": "public, max-age=31536000, immutable" } : headers;
    for (const [name, value] of Object.entries(caching)) response.setHeader(name, value);
    if (path === "/assets/hello.js") response.setHeader("set-cookie", `hello=${Math.random()}`);
    if (request.headers["if-none-match"] === TAG) return response.writeHead(304).end();

    const flag = request.headers["x-flags"]?.includes("ai_search") ? "on" : "off";
    const context = decodeFlagsContext(request.headers["x-flags-context"]?.toString() ?? "");
    const page: Page = { flag, key: context?.targetingKey ?? null };
    if (path === "/moved") response.setHeader("location", `/${flag}`);
    return response.writeHead(STATUSES[path] ?? 200).end(JSON.stringify(page));
  };
  return origin;
}
