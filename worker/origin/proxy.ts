import type { Evaluation } from "../decide/evaluation.ts";
import type { Checked } from "../isolate/bindings.ts";
import { WorkerFault, type Report } from "../isolate/fault.ts";
import { isHtml } from "../isolate/html.ts";
import { errorAnswer } from "../pages/error-answer.ts";

/** Where requests go. */
export type SiteOrigin =
  | { readonly kind: "binding"; readonly fetcher: Fetcher }
  | { readonly kind: "url"; readonly base: string };

/** What passing a request on needs. */
export interface ProxyParts {
  readonly origin: Checked<SiteOrigin>;
  readonly report: Report;
}

/**
 * The URL under which the origin is asked: the public one with a service binding, else the same path at ORIGIN_URL.
 * Without an origin it is the public one, too, and `proxy` reports the missing setting.
 */
export function toOriginUrl(request: Request, { origin }: ProxyParts): URL {
  const url = new URL(request.url);
  if ("problems" in origin || origin.value.kind === "binding") return url;
  // Joined as text: resolved against the base, a path such as //evil.example would be another host.
  return new URL(`${origin.value.base}${url.pathname}${url.search}`);
}

/**
 * Passes a request on to the origin, as `flags` made it, and returns the origin's own answer: redirects, event streams
 * and WebSockets reach the client unchanged. The body goes on unread.
 */
export async function proxy(
  request: Request,
  { received, isStatic }: Evaluation,
  { origin, report }: ProxyParts,
): Promise<Response> {
  if ("problems" in origin) {
    const detail = origin.problems.join("; ");
    report(new WorkerFault("origin-missing", detail));
    return errorAnswer(request, 500, "Sluice is not set up", detail);
  }
  const publicUrl = new URL(received.url);
  const headers = new Headers(request.headers);
  // The host header names the origin now. The client's own claims about the public host are not trusted.
  headers.set("x-forwarded-host", publicUrl.host);
  headers.set("x-forwarded-proto", publicUrl.protocol.slice(0, -1));
  try {
    const answer = await ask(origin.value, new Request(request, { headers, redirect: "manual" }));
    if (!isStatic && isSharedCopy(answer)) report(sharedCopy());
    return answer;
  } catch (error) {
    const name = error instanceof Error ? error.name : "?";
    report(new WorkerFault("origin-unreachable", `the origin did not answer (${name})`));
    return errorAnswer(
      request,
      502,
      "Bad Gateway",
      "The site behind this address did not answer. Try again in a moment.",
    );
  }
}

function ask(origin: SiteOrigin, request: Request): Promise<Response> {
  return origin.kind === "binding" ? origin.fetcher.fetch(request) : fetch(request);
}

/** Headers in which caches report that an answer was a copy. `Age` is HTTP's own, these are vendors'. */
const STATUS_HEADERS = ["cf-cache-status", "x-vercel-cache", "x-cache", "x-proxy-cache"];

const COPY = /\b(?:hit|stale|updating|revalidated|prerender)\b/i;

/**
 * Whether a page came from a cache behind the worker that does not tell one decision from another. Such a page may have
 * been made for another visitor.
 */
export function isSharedCopy(answer: Response): boolean {
  if (!isHtml(answer)) return false;
  const { headers } = answer;
  // A cache that follows `Vary: x-flags` keeps a copy for each decision.
  const varies = (headers.get("vary") ?? "").toLowerCase().split(",");
  if (varies.some((name) => name.trim() === "x-flags")) return false;
  return (
    Number(headers.get("age") ?? 0) > 0 || STATUS_HEADERS.some((name) => COPY.test(headers.get(name) ?? ""))
  );
}

function sharedCopy(): WorkerFault {
  return new WorkerFault(
    "shared-copy",
    "a page came from a cache between worker and origin that ignores flags, so it may have been made for another visitor: make the origin answer with Vary: x-flags or Cache-Control: private, or name the path in STATIC_PATHS",
  );
}
