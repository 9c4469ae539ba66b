import type { Evaluation } from "../decide/evaluation.ts";
import { toFault } from "../isolate/fault.ts";
import { toAllOffHeaders, toFlagHeaders, type Destination, type FlagHeaders } from "./flag-headers.ts";
import type { Report } from "../isolate/report.ts";
import { signHeaders } from "./sign-headers.ts";
import type { SigningKeys } from "../isolate/signing-settings.ts";

/** What signing needs, of the parts that all requests of an isolate share. */
export interface SigningParts {
  /** Absent: `x-flags` is not signed. */
  readonly signingKeys?: SigningKeys;
  readonly report: Report;
}

/** What was decided, and where it is told. */
interface Telling extends Pick<Evaluation, "visitor" | "reading" | "decided"> {
  readonly destination: Destination;
  /** The client's headers, stripped: signatures of other people stay beside ours. */
  readonly kept: Headers;
}

/**
 * The headers of one request: what is on, or that all is off when nothing could be decided or it cannot be told; signed
 * when there are keys. Without a signature a site that asks for one takes everything as off.
 */
export async function tellOrigin(
  telling: Telling,
  { signingKeys, report }: SigningParts,
): Promise<FlagHeaders> {
  const at = Date.now();
  const told = tell(telling, at, report);
  if (signingKeys === undefined) return told;
  try {
    return [...told, ...(await signHeaders(told, telling.kept, signingKeys[0], at))];
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
