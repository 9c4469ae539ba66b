import type { FlagsContext } from "./flags-header.ts";

/**
 * The request that the headers came with: Fetch's `Request`, Node's `IncomingMessage` (also Express's and Koa's), or its
 * parts. Where there is a `url`, host and path are read from it alone: frameworks use those words for other things.
 */
export interface RequestLike {
  readonly method?: string | undefined;
  /** Absolute, as in Fetch, or path and query, as in Node. */
  readonly url?: string | undefined;
  /** The `url` before a router cut it. */
  readonly originalUrl?: string | undefined;
  /** Node's: `host` is the host of a `url` without one. */
  readonly headers?: unknown;
  /** With the port, unless it is the scheme's default. */
  readonly host?: string | undefined;
  /** With the query. */
  readonly path?: string | undefined;
}

/** The end of a path that the worker had to cut: a character that no request's path contains. */
export const CUT = "#";

/**
 * Whether the worker sent its headers with this request.
 *
 * @returns undefined when it did, else what does not match, without the values
 */
export function judgeRequest(context: FlagsContext, request: RequestLike): string | undefined {
  if (context.path.endsWith(CUT)) return "x-flags-context cannot hold the whole path: it is too long";
  const { host, path } = targetOf(request);
  const differing = [
    ...(request.method === context.method ? [] : ["method"]),
    ...(host?.toLowerCase() === context.host.toLowerCase() ? [] : ["host"]),
    ...(path === context.path ? [] : ["path"]),
  ];
  if (differing.length === 0) return undefined;
  return `x-flags-context is of another request: ${differing.join(" and ")} differ from this one's`;
}

function targetOf(request: RequestLike): Pick<RequestLike, "host" | "path"> {
  const url = request.originalUrl ?? request.url;
  if (typeof url !== "string") return { host: request.host, path: request.path };
  if (url.startsWith("/")) return { host: hostOf(request.headers), path: url };
  try {
    const { host, pathname, search } = new URL(url);
    return { host, path: `${pathname}${search}` };
  } catch {
    return {};
  }
}

/** Node's header names are lower-case; in HTTP/2 the host is `:authority`. */
function hostOf(headers: unknown): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  const { host, ":authority": authority } = headers as Readonly<Record<string, unknown>>;
  return [host, authority].find((name) => typeof name === "string");
}
