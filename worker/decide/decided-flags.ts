import { NO_FLAGS } from "../../shared/compile/compile.ts";
import { decisionOf } from "../../shared/evaluate/evaluate.ts";
import { createExposer, type OnExposure } from "../../shared/x-flags/exposure.ts";
import {
  FLAGS_CONTEXT_HEADER,
  decodeFlagsContext,
  type FlagsContext,
} from "../../shared/x-flags/flags-header.ts";
import type { FlagDetails, Flags } from "../../shared/x-flags/read-flags.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import type { Evaluation } from "./evaluation.ts";

/**
 * The flags of one request for pages that the worker serves by itself, as `readFlags` gives them to a site behind it.
 * They come from the decisions and not from the headers: reasons are the evaluation's own, and a flag that is kept out
 * of `x-flags` can be asked for, too.
 *
 * @param headers of the request that goes on; read only when somebody asks for `context` or listens
 * @param onExposure hears of each flag that is asked for, once
 */
export function toFlags(evaluation: Evaluation, headers: Headers, onExposure?: OnExposure): Flags {
  const { decided } = evaluation;
  const { compiled, decisions } = decided ?? { compiled: NO_FLAGS, decisions: [] };
  const problem = problemOf(evaluation);
  const readContext = (): FlagsContext | undefined =>
    decodeFlagsContext(headers.get(FLAGS_CONTEXT_HEADER) ?? "");
  const context = onExposure && readContext();
  const tell = context === undefined ? () => undefined : createExposer(context, onExposure);
  const decisionFor = (key: string): Decision => {
    const decision = decisionOf(compiled, decisions, key);
    // A flag that there is not is nobody's experiment.
    if (compiled.positions.has(key)) tell(key, decision.variant);
    return decision;
  };
  return {
    isEnabled: (key) => decisionFor(key).value,
    variant: (key) => decisionFor(key).variant,
    value: (key) => valueOf(decisionFor(key)),
    details: (key) => toDetails(decisionFor(key), problem),
    get enabled() {
      return compiled.flags.filter((_flag, position) => decisions[position]?.value).map(({ key }) => key);
    },
    get context() {
      return readContext();
    },
    ...(problem !== undefined && { problem }),
  };
}

/** Why everything reads as off, when it does. */
function problemOf({ decided, reading, isStatic }: Evaluation): string | undefined {
  if (isStatic) return "STATIC_PATHS names this path: nothing is decided for it";
  if (decided !== undefined && reading.cached !== undefined) return undefined;
  return `no flags are held${reading.fault === undefined ? "" : `: ${reading.fault}`}`;
}

function toDetails(decision: Decision, problem: string | undefined): FlagDetails {
  const { value, variant, reason, errorCode } = decision;
  if (problem !== undefined) {
    return { value: false, variant: "off", reason: "ERROR", errorCode: "GENERAL", errorMessage: problem };
  }
  const variantValue = valueOf(decision);
  return {
    value,
    variant,
    ...(variantValue !== undefined && { variantValue }),
    reason,
    ...(errorCode !== undefined && { errorCode }),
  };
}

/** A copy: all requests share the snapshot's, and nobody can change what another one gets. */
function valueOf({ value, variantValue }: Decision): unknown {
  return value ? structuredClone(variantValue) : undefined;
}
