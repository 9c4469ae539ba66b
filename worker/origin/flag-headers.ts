import {
  FLAGS_CONTEXT_HEADER,
  FLAGS_HEADER,
  encodeFlags,
  encodeFlagsContext,
  type FlagsContext,
} from "../../shared/x-flags/flags-header.ts";
import { CUT } from "../../shared/x-flags/match-request.ts";
import type { Decided } from "../decide/decide.ts";
import type { Visitor } from "../identity/identify.ts";
import type { Reading } from "../snapshot/snapshot-reader.ts";

/** The worker's own headers, by name. */
export type FlagHeaders = readonly (readonly [name: string, value: string])[];

/** Where a request goes: what binds its headers to it. */
export interface Destination {
  readonly method: string;
  readonly url: URL;
}

/**
 * The longest path that the context header repeats. Origins limit all headers together (Node to 16 KiB): a long URL that
 * they take today must not become their error page. What is cut does not match the request, so it reads as off.
 */
const MAX_PATH_LENGTH = 4_096;

/** What the origin is told: what is on, and how that was decided. */
export function toFlagHeaders(
  destination: Destination,
  { context }: Visitor,
  { cached, ageMs, source }: Reading,
  { compiled, decisions, stale, overridden }: Decided,
  at: number,
): FlagHeaders {
  const flags = encodeFlags(compiled, decisions);
  const flagsContext = encodeFlagsContext({
    ...where(destination),
    ...(cached !== undefined && { version: cached.head }),
    ...(ageMs !== undefined && { ageMs }),
    ...(context.targetingKey !== undefined && { targetingKey: context.targetingKey }),
    ...(stale && { stale }),
    override: overridden,
    at,
    source,
  });
  return [
    ...(flags === undefined ? [] : [[FLAGS_HEADER, flags] as const]),
    [FLAGS_CONTEXT_HEADER, flagsContext],
  ];
}

/** What the origin is told when nothing could be decided: all is off. */
export function toAllOffHeaders(destination: Destination, at: number): FlagHeaders {
  return [[FLAGS_CONTEXT_HEADER, encodeFlagsContext({ ...where(destination), at, source: "none" })]];
}

function where({ method, url }: Destination): Pick<FlagsContext, "method" | "host" | "path"> {
  const path = `${url.pathname}${url.search}`;
  const isLong = path.length > MAX_PATH_LENGTH;
  // Marked, or the headers would be those of a request for the part that is left.
  return { method, host: url.host, path: isLong ? `${path.slice(0, MAX_PATH_LENGTH)}${CUT}` : path };
}
