import { parseDictionary, serializeDictionary } from "structured-headers";
import {
  SIGNATURE_HEADER,
  SIGNATURE_INPUT_HEADER,
  SIGNATURE_LABEL,
} from "../../shared/x-flags/signature-base.ts";
import { isSideDoor } from "./side-door-headers.ts";
import { findOverrideToken, withoutOverrideCookie } from "../override/override-cookie.ts";

/** What a proxy says about the user; nothing until its proof has been checked. */
export interface Claim {
  readonly context: string;
  readonly proof: string | null;
}

/** What of a request's headers may go on to the origin, and the claim that was taken out of them. */
export interface Stripped {
  readonly headers: Headers;
  readonly claim?: Claim;
  /** The token of a test override, unverified: also taken out of them. */
  readonly override?: string;
}

const OWN_PREFIXES = ["x-flags", "x-sluice-"];
const SIGNATURE_HEADERS = [SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER];

/**
 * Removes whatever only Sluice may say: every header that an origin could take for `x-flags*` or `x-sluice-*`, the
 * `sluice` members of a message signature, and what names another path than the one that the gates look at. Duplicates
 * are one entry here, so they go together.
 */
export function strip(received: Headers): Stripped {
  const context = received.get("x-sluice-context");
  const proof = received.get("x-sluice-proof");
  const headers = new Headers(received);

  // Gathered first: a name is not taken out of what is being walked.
  const names = Array.from(headers.keys());
  for (const name of names) {
    const folded = fold(name);
    const ours = OWN_PREFIXES.some((prefix) => folded.startsWith(prefix));
    // `Signature_Input` is nobody's header, but an origin behind CGI reads it as if it were.
    const disguised = SIGNATURE_HEADERS.includes(folded) && folded !== name.toLowerCase();
    if (ours || disguised || isSideDoor(folded)) headers.delete(name);
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
 * A name as the least careful origin reads it. CGI, WSGI and PHP turn `-` into `_`, some of them every other
 * character too, so `X_Flags` and `X.Flags` may arrive as `x-flags`.
 */
function fold(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "-");
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
      // What does not even hold the word stays as it came: other people's signatures are none of our business.
      if (value === null || !value.toLowerCase().includes(SIGNATURE_LABEL)) continue;
      const members = parseDictionary(value);
      if (!members.delete(SIGNATURE_LABEL)) continue;
      if (members.size === 0) headers.delete(name);
      else headers.set(name, serializeDictionary(members));
    }
  } catch {
    // A laxer parser than ours might find a `sluice` member in there. Without the other header each is meaningless.
    for (const name of SIGNATURE_HEADERS) headers.delete(name);
  }
}
