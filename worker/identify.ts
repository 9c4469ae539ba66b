import { withTargetingKey, type EvaluationContext } from "../shared/context.ts";
import { findAnonymousId, mintAnonymousId } from "./anonymous-id.ts";
import { toFault } from "./fault.ts";
import type { Report } from "./report.ts";
import type { Stripped } from "./strip.ts";
import { readTrustedContext } from "./trusted-context.ts";

/** Who asks. */
export interface Visitor {
  readonly context: EvaluationContext;
  /** An anonymous id that was made for this request and that the browser should keep. */
  readonly minted?: string;
}

/**
 * Finds out who asks; the first that holds: a trusted proxy's word, the anonymous cookie, a fresh anonymous id.
 * A claim that does not hold is reported and then ignored: its sender is as anonymous as anybody.
 */
export async function identify(
  { headers, claim }: Stripped,
  contextSecret: string | undefined,
  report: Report,
): Promise<Visitor> {
  let context: EvaluationContext = {};
  if (claim !== undefined) {
    try {
      context = await readTrustedContext(claim, contextSecret);
    } catch (error) {
      report(toFault(error));
    }
  }
  // A proxy may know the plan or the country of somebody who has not signed in: the place is then the cookie's.
  if (context.targetingKey !== undefined) return { context };

  const kept = findAnonymousId(headers.get("cookie"));
  const anonymousId = kept ?? mintAnonymousId();
  const visitor = { context: withTargetingKey({ ...context, anonymousId }) };
  return kept === undefined ? { ...visitor, minted: anonymousId } : visitor;
}
