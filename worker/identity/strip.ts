import { parseDictionary, serializeDictionary } from "structured-headers";
import { SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER, SIGNATURE_LABEL } from "../../shared/x-flags/signature.ts";
import { findOverrideToken, withoutOverrideCookie } from "../override/override-cookie.ts";

/** A proxy's claim about the user; not trusted until its proof has been checked. */
export interface Claim {
  readonly context: string;
  readonly proof: string | null;
}

/** The headers that may go on to the origin, and what was removed from them. */
export interface Stripped {
  readonly headers: Headers;
  readonly claim?: Claim;
  /** The unverified token of a test override. */
  readonly override?: string;
}

const OWN_PREFIXES = ["x-flags", "x-sluice-"];
const SIGNATURE_HEADERS = [SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER];

/**
 * Headers from which servers and frameworks read a path other than the URL's, sent by proxies and by parts of their own.
 * From a client each is a way past a gate.
 */
const PATH_HEADERS: ReadonlySet<string> = new Set([
  // IIS' URL Rewrite, Symfony, Laminas, and others that copied them.
  "x-original-url",
  "x-original-uri",
  "x-original-path",
  "x-rewrite-url",
  "x-rewrite-uri",
  "x-rewritten-url",
  // The path below which an application is mounted: frameworks remove it, or put it before links.
  "x-forwarded-prefix",
  "x-forwarded-path",
  "x-forwarded-uri",
  "x-forwarded-url",
  "x-forwarded-pathbase",
  "x-script-name",
  // Envoy, and two of Azure.
  "x-envoy-original-path",
  "x-ms-original-url",
  "x-waws-unencoded-url",
  // Next.js behind its own proxy; Astro and its edge function.
  "x-matched-path",
  "x-now-route-matches",
  "x-astro-path",
  "x-astro-locals",
]);

/** Next.js' own headers between its parts; with `x-middleware-subrequest` it skips its middleware. */
const PATH_PREFIXES: readonly string[] = ["x-middleware-", "x-invoke-"];

/** Sent by a browser with a request before a click: it names no path. */
const KEPT: ReadonlySet<string> = new Set(["x-middleware-prefetch"]);

/**
 * Removes everything that only Sluice may say: every header that an origin could read as `x-flags*` or `x-sluice-*`, the
 * `sluice` members of a message signature, and headers that name a path other than the one that the gates check. Several
 * headers of one name are one entry here, so they go together.
 */
export function strip(received: Headers): Stripped {
  const context = received.get("x-sluice-context");
  const proof = received.get("x-sluice-proof");
  const headers = new Headers(received);

  // Collected first: names must not be deleted while they are being iterated.
  const names = Array.from(headers.keys());
  for (const name of names) {
    const folded = fold(name);
    const isOurs = OWN_PREFIXES.some((prefix) => folded.startsWith(prefix));
    // `Signature_Input` is not a standard header, but an origin behind CGI reads it as `Signature-Input`.
    const isDisguised = SIGNATURE_HEADERS.includes(folded) && folded !== name.toLowerCase();
    if (isOurs || isDisguised || namesPath(folded)) headers.delete(name);
  }
  stripSignatures(headers);
  const override = stripOverride(headers);
  return {
    headers,
    ...(context !== null && { claim: { context, proof } }),
    ...(override !== undefined && { override }),
  };
}

/**
 * A name as the least careful origin reads it. CGI, WSGI and PHP turn `-` into `_`, and some of them every other
 * character too, so `X_Flags` and `X.Flags` may arrive as `x-flags`.
 */
function fold(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "-");
}

function namesPath(folded: string): boolean {
  return (
    PATH_HEADERS.has(folded) ||
    (!KEPT.has(folded) && PATH_PREFIXES.some((prefix) => folded.startsWith(prefix)))
  );
}

function stripOverride(headers: Headers): string | undefined {
  const cookies = headers.get("cookie");
  const token = findOverrideToken(cookies);
  if (cookies === null || token === undefined) return undefined;
  const others = withoutOverrideCookie(cookies);
  if (others === "") headers.delete("cookie");
  else headers.set("cookie", others);
  return token;
}

function stripSignatures(headers: Headers): void {
  try {
    for (const name of SIGNATURE_HEADERS) {
      const value = headers.get(name);
      // A header without the word stays unchanged: other people's signatures are not parsed.
      if (value === null || !value.toLowerCase().includes(SIGNATURE_LABEL)) continue;
      const members = parseDictionary(value);
      if (!members.delete(SIGNATURE_LABEL)) continue;
      if (members.size === 0) headers.delete(name);
      else headers.set(name, serializeDictionary(members));
    }
  } catch {
    // A laxer parser might find a `sluice` member in there. Each of the two headers is useless without the other.
    for (const name of SIGNATURE_HEADERS) headers.delete(name);
  }
}
