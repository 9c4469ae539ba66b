import type { OnExposure } from "./exposure.ts";
import { allOff, createFlags, type Flags } from "./flags.ts";
import { FLAGS_CONTEXT_HEADER, FLAGS_HEADER, decodeFlags, decodeFlagsContext } from "./flags-header.ts";
import { judgeRequest, type RequestLike } from "./match-request.ts";
import {
  SIGNATURE_HEADER,
  SIGNATURE_INPUT_HEADER,
  toCovered,
  verifyFlags,
  type Verified,
} from "./signature.ts";
import { parseSigningKeys, type SigningKey } from "./signing-keys.ts";

export type { Exposure, OnExposure } from "./exposure.ts";
export type { FlagDetails, Flags } from "./flags.ts";
export type { RequestLike } from "./match-request.ts";

/** Fetch's `Headers`, or the plain object that Node's `request.headers` is. */
export type HeadersLike = Headers | { readonly [name: string]: string | readonly string[] | undefined };

interface Asked {
  /** Must have the method, host and path for which the worker decided. */
  readonly request?: RequestLike | undefined;
  /** Called once for each flag that code asks for, when the user is known; see docs/exposures.md. */
  readonly onExposure?: OnExposure | undefined;
}

/** Headers are not verified: only for a site that nobody but the worker can reach. */
interface Unverified extends Asked {
  readonly keys?: never;
  readonly now?: number;
  readonly maxAgeMs?: never;
}

/** Headers must have a recent signature by one of the keys. */
interface Signed extends Asked {
  /**
   * The worker's SIGNING_KEYS, as text or parsed. Undefined and the empty text are a mistake, such as a variable that is
   * not set: everything reads as off.
   */
  readonly keys: string | readonly SigningKey[] | undefined;
  /** Milliseconds since the epoch: `Date.now()`. */
  readonly now: number;
  /** How old a signature may be, in milliseconds; 60,000. */
  readonly maxAgeMs?: number | undefined;
}

export type ReadFlagsOptions = Unverified | Signed;

const MAX_AGE_MS = 60_000;

/** A worker's header value. A signature base has one such line for each header. */
const PRINTABLE = /^[\t\x20-\x7e]*$/;

/**
 * Reads the flags that the worker put on a request. Never rejects: headers that are missing, malformed, not signed, too
 * old or of another request read as "all off", and `problem` says why.
 *
 * @example
 * const flags = await readFlags(request.headers, { keys: process.env.SIGNING_KEYS, now: Date.now(), request });
 * return flags.isEnabled("ai_search") ? aiPage() : classicPage();
 *
 * @param headers of the request that came through the worker
 */
export async function readFlags(headers: HeadersLike, options: ReadFlagsOptions = {}): Promise<Flags> {
  try {
    return await read(headers, options);
  } catch (error) {
    return allOff(`the argument is no request (${error instanceof Error ? error.name : "?"})`, "GENERAL");
  }
}

async function read(headers: HeadersLike, options: ReadFlagsOptions): Promise<Flags> {
  const contextHeader = get(headers, FLAGS_CONTEXT_HEADER);
  if (contextHeader === undefined) {
    return allOff(
      `no ${FLAGS_CONTEXT_HEADER} header: this request did not come through the worker`,
      "PARSE_ERROR",
    );
  }
  const flagsHeader = get(headers, FLAGS_HEADER);
  // Checks the name and not the value: a variable that is not set must not turn the check off.
  const verified: Verified | { readonly keyId?: never } =
    "keys" in options ? await verify(headers, flagsHeader, contextHeader, options) : {};
  if ("problem" in verified) return allOff(verified.problem, "GENERAL");

  const context = decodeFlagsContext(contextHeader);
  if (context === undefined) return allOff(`${FLAGS_CONTEXT_HEADER} is malformed`, "PARSE_ERROR");
  const on = decodeFlags(flagsHeader ?? "");
  if (on === undefined) return allOff(`${FLAGS_HEADER} is malformed`, "PARSE_ERROR");
  const { request, onExposure } = options;
  const otherRequest = request === undefined ? undefined : judgeRequest(context, request);
  if (otherRequest !== undefined) return allOff(otherRequest, "GENERAL");
  return createFlags(on, context, { ...verified, onExposure });
}

async function verify(
  headers: HeadersLike,
  flagsHeader: string | undefined,
  contextHeader: string,
  { keys: given, now, maxAgeMs = MAX_AGE_MS }: ReadFlagsOptions,
): Promise<Verified> {
  const keys = readKeys(given);
  if ("problem" in keys) return keys;
  if (typeof now !== "number" || !Number.isFinite(now)) {
    return { problem: "`keys` needs `now`: pass Date.now()" };
  }
  if (!Number.isFinite(maxAgeMs) || maxAgeMs < 0) return { problem: "`maxAgeMs` must be a number from 0 up" };
  const covered = toCovered(flagsHeader, contextHeader);
  const malformed = covered.find(([, value]) => !PRINTABLE.test(value));
  if (malformed !== undefined) return { problem: `${malformed[0]} is malformed` };
  const received = {
    signatureInput: get(headers, SIGNATURE_INPUT_HEADER),
    signature: get(headers, SIGNATURE_HEADER),
  };
  return verifyFlags(covered, received, keys.value, { now, maxAgeMs });
}

/** Parsed keys by their text: a site passes the same text with every request. A test may use a few. */
const known = new Map<string, ReturnType<typeof parseSigningKeys>>();
const MAX_KNOWN = 16;

function readKeys(
  given: ReadFlagsOptions["keys"],
): { readonly value: readonly SigningKey[] } | { readonly problem: string } {
  if (given === undefined || given === "") return { problem: "`keys` is empty: is SIGNING_KEYS set?" };
  if (typeof given !== "string") return { value: given };
  const parsed = known.get(given) ?? parseSigningKeys(given);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(given, parsed);
  return "problem" in parsed ? { problem: `\`keys\`: ${parsed.problem}` } : parsed;
}

/** A header's value. Several headers of one name are one list, without the space around each (RFC 9110, section 5.3). */
function get(headers: HeadersLike, name: string): string | undefined {
  const value = isFetchHeaders(headers) ? headers.get(name) : headers[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? trim(value) : value.map(trim).join(", ");
}

/** `trim()` would remove characters that are part of a value. */
function trim(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && isBlank(value[start])) start += 1;
  while (end > start && isBlank(value[end - 1])) end -= 1;
  return value.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

function isFetchHeaders(headers: HeadersLike): headers is Headers {
  return typeof headers.get === "function";
}
