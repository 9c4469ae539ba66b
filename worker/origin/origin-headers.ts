import {
  FLAGS_CONTEXT_HEADER,
  FLAGS_HEADER,
  encodeFlags,
  encodeFlagsContext,
  type FlagsContext,
} from "../../shared/x-flags/flags-header.ts";
import { CUT } from "../../shared/x-flags/match-request.ts";
import {
  SIGNATURE_HEADER,
  SIGNATURE_INPUT_HEADER,
  signFlags,
  toCovered,
} from "../../shared/x-flags/signature.ts";
import type { SigningKeys } from "../../shared/x-flags/signing-keys.ts";
import type { Evaluation } from "../decide/evaluation.ts";
import { toFault, type Report } from "../isolate/fault.ts";

/** What signing needs, of the parts that all requests of an isolate share. */
export interface SigningParts {
  /** Absent: `x-flags` is not signed. */
  readonly signingKeys?: SigningKeys | undefined;
  readonly report: Report;
}

/** Where a request goes; its headers are valid for no other request. */
interface Destination {
  readonly method: string;
  readonly url: URL;
}

/**
 * The longest path that the context header repeats. Origins limit all headers together (Node to 16 KiB), so a long URL
 * that works today must not become their error page. A cut path matches no request and reads as off.
 */
const MAX_PATH_LENGTH = 4_096;

/**
 * Writes the worker's headers on a request: the flags that are on, or that everything is off when nothing could be
 * decided or encoded. They are signed when there are keys. Without a signature, a site that requires one reads everything
 * as off.
 *
 * @param headers the client's headers, stripped; its own signatures stay, before the worker's
 */
export async function writeOriginHeaders(
  headers: Headers,
  evaluation: Evaluation,
  destination: Destination,
  { signingKeys, report }: SigningParts,
): Promise<void> {
  const at = Date.now();
  const { flags, context } = encode(evaluation, destination, at, report);
  if (flags !== undefined) headers.set(FLAGS_HEADER, flags);
  headers.set(FLAGS_CONTEXT_HEADER, context);
  if (signingKeys === undefined) return;
  try {
    const { signatureInput, signature } = await signFlags(toCovered(flags, context), signingKeys[0], at);
    addMember(headers, SIGNATURE_INPUT_HEADER, signatureInput);
    addMember(headers, SIGNATURE_HEADER, signature);
  } catch (error) {
    report(toFault(error));
  }
}

function addMember(headers: Headers, name: string, member: string): void {
  const others = headers.get(name);
  headers.set(name, others === null || others === "" ? member : `${others}, ${member}`);
}

/** The values of the worker's two headers; without flags everything is off. */
function encode(
  { visitor, reading, decided }: Evaluation,
  destination: Destination,
  at: number,
  report: Report,
): { readonly flags?: string | undefined; readonly context: string } {
  const request = { ...toRequest(destination), at };
  try {
    if (decided !== undefined) {
      const { targetingKey } = visitor.context;
      const { cached, ageMs, source } = reading;
      const context = encodeFlagsContext({
        ...request,
        ...(cached !== undefined && { version: cached.head }),
        ...(ageMs !== undefined && { ageMs }),
        ...(targetingKey !== undefined && { targetingKey }),
        ...(decided.stale && { stale: true }),
        override: decided.overridden,
        source,
      });
      return { flags: encodeFlags(decided.compiled, decided.decisions), context };
    }
  } catch (error) {
    report(toFault(error));
  }
  return { context: encodeFlagsContext({ ...request, source: "none" }) };
}

function toRequest({ method, url }: Destination): Pick<FlagsContext, "method" | "host" | "path"> {
  const path = `${url.pathname}${url.search}`;
  const isLong = path.length > MAX_PATH_LENGTH;
  // Without the mark, the headers would be valid for a request for the shortened path.
  return { method, host: url.host, path: isLong ? `${path.slice(0, MAX_PATH_LENGTH)}${CUT}` : path };
}
