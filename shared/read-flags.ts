import {
  FLAGS_CONTEXT_HEADER,
  FLAGS_HEADER,
  decodeFlags,
  decodeFlagsContext,
  type FlagsContext,
} from "./flags-header.ts";
import { decodeValue } from "./flag-member.ts";
import type { ErrorCode, Reason } from "./reason.ts";

/** Fetch's `Headers`, or the plain object that Node's `request.headers` is. */
export type HeadersLike = Headers | { readonly [name: string]: string | readonly string[] | undefined };

/** What one flag is for this request, in OpenFeature's words. */
export interface FlagDetails {
  /** Whether the flag is on. */
  readonly value: boolean;
  readonly variant: string;
  /** The variant's JSON value, when it has one. */
  readonly variantValue?: unknown;
  /** TARGETING_MATCH when the edge said on, DEFAULT when it did not name the flag, ERROR when it could not be heard. */
  readonly reason: Reason;
  readonly errorCode?: ErrorCode;
  readonly errorMessage?: string;
}

/** The flags of one request, as the edge decided them. */
export interface Flags {
  /** True when the edge said that this flag is on; false in every other case. */
  isEnabled(key: string): boolean;
  /** The variant, "off" when the flag is off. */
  variant(key: string): string;
  /** The JSON value of the variant; undefined when there is none, when it is malformed, and when the flag is off. */
  value(key: string): unknown;
  details(key: string): FlagDetails;
  /** The keys that are on. */
  readonly enabled: readonly string[];
  /** How it was decided; absent when the headers did not come from a worker. */
  readonly context?: FlagsContext | undefined;
  /** Why everything reads as off, when it does. */
  readonly problem?: string;
}

/**
 * Reads the flags that the worker put on a request. Never rejects: headers that are missing, malformed or not a
 * worker's read as "all off", and `problem` says why.
 *
 * @example
 * const flags = await readFlags(request.headers);
 * return flags.isEnabled("ai_search") ? aiPage() : classicPage();
 *
 * @param headers of the request that came through the worker
 */
// Asynchronous though nothing here waits yet: checking a signature does, and callers shall not have to change.
export async function readFlags(headers: HeadersLike): Promise<Flags> {
  const contextHeader = get(headers, FLAGS_CONTEXT_HEADER);
  if (contextHeader === undefined) {
    return allOff(`no ${FLAGS_CONTEXT_HEADER} header: this request did not come through the worker`);
  }
  const context = decodeFlagsContext(contextHeader);
  if (context === undefined) return allOff(`${FLAGS_CONTEXT_HEADER} is malformed`);
  const on = decodeFlags(get(headers, FLAGS_HEADER) ?? "");
  if (on === undefined) return allOff(`${FLAGS_HEADER} is malformed`);

  // Parsed anew each time: nobody can change what another reader gets.
  const value = (key: string): unknown => decodeValue(on.get(key)?.json);
  return {
    isEnabled: (key) => on.has(key),
    variant: (key) => on.get(key)?.variant ?? "off",
    value,
    details: (key) => {
      const variant = on.get(key)?.variant;
      if (variant === undefined) return { value: false, variant: "off", reason: "DEFAULT" };
      const variantValue = value(key);
      return {
        value: true,
        variant,
        ...(variantValue !== undefined && { variantValue }),
        reason: "TARGETING_MATCH",
      };
    },
    enabled: [...on.keys()],
    context,
  };
}

function allOff(problem: string): Flags {
  const details: FlagDetails = {
    value: false,
    variant: "off",
    reason: "ERROR",
    errorCode: "PARSE_ERROR",
    errorMessage: problem,
  };
  return {
    isEnabled: () => false,
    variant: () => "off",
    value: () => undefined,
    details: () => details,
    enabled: [],
    problem,
  };
}

function get(headers: HeadersLike, name: string): string | undefined {
  const value = isFetchHeaders(headers) ? headers.get(name) : headers[name];
  // A header that came twice is one list (RFC 9110, section 5.3).
  return typeof value === "object" && value !== null ? value.join(", ") : (value ?? undefined);
}

function isFetchHeaders(headers: HeadersLike): headers is Headers {
  return typeof headers.get === "function";
}
