import type { Origin } from "./env.ts";
import { Fault } from "./fault.ts";
import type { FlagHeaders } from "./flag-headers.ts";
import { problem } from "./problem.ts";
import type { Report } from "./report.ts";

/** The URL under which the origin is asked: the public one by a service binding, else the same path at ORIGIN_URL. */
export function toOriginUrl(origin: Origin, request: Request): URL {
  const url = new URL(request.url);
  if (origin.kind === "binding") return url;
  // Joined as text: resolved against the base, a path such as //evil.example would be another host.
  return new URL(`${origin.base}${url.pathname}${url.search}`);
}

/**
 * Passes a request on, its body untouched and unread, and gives the origin's own answer: redirects, event streams and
 * WebSockets are the client's.
 *
 * @param headers what of the request's headers may go on; see `strip`
 */
export async function proxy(
  origin: Origin,
  request: Request,
  url: URL,
  headers: Headers,
  flagHeaders: FlagHeaders,
  report: Report,
): Promise<Response> {
  const publicUrl = new URL(request.url);
  const outgoing = new Headers(headers);
  for (const [name, value] of flagHeaders) outgoing.set(name, value);
  // The host header names the origin now. What the client itself says about the public one is worth nothing.
  outgoing.set("x-forwarded-host", publicUrl.host);
  outgoing.set("x-forwarded-proto", publicUrl.protocol.slice(0, -1));
  try {
    // Cloudflare's own cache stands between here and the origin, and does not know one decision from another.
    const asked = new Request(new Request(url, request), {
      headers: outgoing,
      redirect: "manual",
      cache: "no-store",
    });
    return await (origin.kind === "binding" ? origin.fetcher.fetch(asked) : fetch(asked));
  } catch (error) {
    report(
      new Fault(
        "origin-unreachable",
        `the origin did not answer (${error instanceof Error ? error.name : "?"})`,
      ),
    );
    return problem(502, "Bad Gateway", "The site behind this address did not answer. Try again in a moment.");
  }
}
