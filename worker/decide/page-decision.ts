import { FLAGS_HEADER } from "../../shared/x-flags/flags-header.ts";
import type { Decided } from "./decide.ts";

/**
 * All of the decisions that a page may depend on: what the origin is told and asked for, and the flags that are kept out
 * of the header, which pages that the worker serves by itself can ask for, too.
 */
export function toPageDecision(headers: Headers, url: URL, decided: Decided | undefined): unknown {
  const untold = decided?.compiled.flags.flatMap(({ key, inHeader }, position) => {
    const decision = decided.decisions[position];
    return inHeader || decision?.value !== true ? [] : [[key, decision.variant, decision.variantValue]];
  });
  return [headers.get(FLAGS_HEADER), url.href, untold];
}
