import type { Decided } from "./decide.ts";
import { toFault } from "./fault.ts";
import { toAllOffHeaders, toFlagHeaders, type Destination, type FlagHeaders } from "./flag-headers.ts";
import type { Visitor } from "./identify.ts";
import type { Report } from "./report.ts";
import { signHeaders } from "./sign-headers.ts";
import type { SigningKeys } from "./signing-settings.ts";
import type { Reading } from "./snapshot-reader.ts";

/** What the origin is told, and of which request. */
export interface Telling {
  readonly destination: Destination;
  /** What else goes on to the origin: signatures of other people are kept beside ours. */
  readonly headers: Headers;
  readonly visitor: Visitor;
  readonly reading: Reading;
  /** Undefined when nothing could be decided. */
  readonly decided: Decided | undefined;
}

/**
 * The headers of one request: what is on, or that all is off when nothing could be decided or it cannot be told; signed
 * when there are keys. Without a signature a site that asks for one takes everything as off.
 */
export async function tellOrigin(
  telling: Telling,
  signingKeys: SigningKeys | undefined,
  report: Report,
): Promise<FlagHeaders> {
  const at = Date.now();
  const told = tell(telling, at, report);
  if (signingKeys === undefined) return told;
  try {
    return [...told, ...(await signHeaders(told, telling.headers, signingKeys[0], at))];
  } catch (error) {
    report(toFault(error));
    return told;
  }
}

function tell({ destination, visitor, reading, decided }: Telling, at: number, report: Report): FlagHeaders {
  try {
    if (decided !== undefined) return toFlagHeaders(destination, visitor, reading, decided, at);
  } catch (error) {
    report(toFault(error));
  }
  return toAllOffHeaders(destination, at);
}
