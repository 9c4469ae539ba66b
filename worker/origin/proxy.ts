import type { Handler } from "hono";
import type { Bindings, Origin } from "../env.ts";
import { errorAnswer } from "../pages/error-answer.ts";
import { Fault } from "../isolate/fault.ts";
import type { FlagsEnv } from "../flags.ts";
import { runtimeOf } from "../runtime.ts";
import { isSharedCopy } from "./shared-copy.ts";

/**
 * The URL under which the origin is asked: the public one by a service binding, else the same path at ORIGIN_URL.
 * Without an origin it is the public one, too, and `proxy` says what is missing.
 */
export function toOriginUrl(request: Request, bindings: Bindings): URL {
  const { origin } = runtimeOf(bindings);
  const url = new URL(request.url);
  if ("problems" in origin || origin.value.kind === "binding") return url;
  // Joined as text: resolved against the base, a path such as //evil.example would be another host.
  return new URL(`${origin.value.base}${url.pathname}${url.search}`);
}

/**
 * Passes a request on to the origin, as `flags` left it, and gives the origin's own answer: redirects, event streams
 * and WebSockets are the client's. The body goes on untouched and unread.
 */
export function proxy(): Handler<FlagsEnv> {
  return async function proxy(c) {
    const { origin, report } = runtimeOf(c.env);
    if ("problems" in origin) {
      const detail = origin.problems.join("; ");
      report(new Fault("origin-missing", detail));
      return errorAnswer(c.req.raw, 500, "Sluice is not set up", detail);
    }
    // The host header names the origin now. What the client itself says about the public one is worth nothing.
    const { received, isStatic } = c.var.evaluation;
    const publicUrl = new URL(received.url);
    const headers = new Headers(c.req.raw.headers);
    headers.set("x-forwarded-host", publicUrl.host);
    headers.set("x-forwarded-proto", publicUrl.protocol.slice(0, -1));
    try {
      const answer = await ask(origin.value, new Request(c.req.raw, { headers, redirect: "manual" }));
      if (!isStatic && isSharedCopy(answer)) report(sharedCopy());
      return answer;
    } catch (error) {
      const name = error instanceof Error ? error.name : "?";
      report(new Fault("origin-unreachable", `the origin did not answer (${name})`));
      return errorAnswer(
        c.req.raw,
        502,
        "Bad Gateway",
        "The site behind this address did not answer. Try again in a moment.",
      );
    }
  };
}

function sharedCopy(): Fault {
  return new Fault(
    "shared-copy",
    "a page came out of a cache between worker and origin that does not tell flags apart, so it may have been made for somebody else: have the origin answer with Vary: x-flags or Cache-Control: private, or name the path in STATIC_PATHS",
  );
}

function ask(origin: Origin, request: Request): Promise<Response> {
  return origin.kind === "binding" ? origin.fetcher.fetch(request) : fetch(request);
}
