import type { Decided } from "./decide.ts";
import { toFault } from "./fault.ts";
import { toAllOffHeaders, toFlagHeaders, type Destination, type FlagHeaders } from "./flag-headers.ts";
import type { Visitor } from "./identify.ts";
import type { Report } from "./report.ts";
import type { Reading } from "./snapshot-reader.ts";

/**
 * The headers of one request: what is on, or that all is off when nothing could be decided or it cannot be told.
 *
 * @param decided undefined when nothing could be
 */
export function tellOrigin(
  destination: Destination,
  visitor: Visitor,
  reading: Reading,
  decided: Decided | undefined,
  report: Report,
): FlagHeaders {
  const at = Date.now();
  try {
    if (decided !== undefined) return toFlagHeaders(destination, visitor, reading, decided, at);
  } catch (error) {
    report(toFault(error));
  }
  return toAllOffHeaders(destination, at);
}
