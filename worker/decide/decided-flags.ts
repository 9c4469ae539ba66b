import { NO_FLAGS } from "../../shared/compile/compile.ts";
import { decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { createExposer, type OnExposure } from "../../shared/x-flags/exposure.ts";
import {
  FLAGS_CONTEXT_HEADER,
  decodeFlagsContext,
  type FlagsContext,
} from "../../shared/x-flags/flags-header.ts";
import { errorDetails, type FlagDetails, type Flags } from "../../shared/x-flags/flags.ts";
import type { Evaluation } from "./evaluation.ts";

/**
 * The flags of one request for pages that the worker serves itself, with the interface that `readFlags` has at a site
 * behind it. They are read from the decisions and not from the headers: so reasons are the evaluation's own, and flags
 * that are not in `x-flags` can be read, too.
 *
 * @param headers of the request that goes on; read only for `context` and for exposures
 * @param onExposure called once for each flag that code asks for
 */
export function toFlags(evaluation: Evaluation, headers: Headers, onExposure?: OnExposure): Flags {
  const { decided } = evaluation;
  const { compiled, decisions } = decided ?? { compiled: NO_FLAGS, decisions: [] };
  const problem = problemOf(evaluation);
  const readContext = (): FlagsContext | undefined =>
    decodeFlagsContext(headers.get(FLAGS_CONTEXT_HEADER) ?? "");
  const context = onExposure && readContext();
  const expose = context === undefined ? () => undefined : createExposer(context, onExposure);
  const ask = (key: string): Decision => {
    const decision = decisionOf(compiled, decisions, key);
    // A flag that does not exist has no groups.
    if (compiled.positions.has(key)) expose(key, decision.variant);
    return decision;
  };
  return {
    isEnabled: (key) => ask(key).value,
    variant: (key) => ask(key).variant,
    value: (key) => valueOf(ask(key)),
    details: (key) => {
      const decision = ask(key);
      return problem === undefined ? toDetails(decision) : errorDetails(problem, "GENERAL");
    },
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
  return `there is no snapshot${reading.fault === undefined ? "" : `: ${reading.fault}`}`;
}

function toDetails(decision: Decision): FlagDetails {
  const { value, variant, reason, errorCode } = decision;
  const variantValue = valueOf(decision);
  return {
    value,
    variant,
    ...(variantValue !== undefined && { variantValue }),
    reason,
    ...(errorCode !== undefined && { errorCode }),
  };
}

/** A copy: all requests share the snapshot's value, and none may change it. */
function valueOf({ value, variantValue }: Decision): unknown {
  return value ? structuredClone(variantValue) : undefined;
}
