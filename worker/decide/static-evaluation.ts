import type { Evaluation } from "./evaluation.ts";
import { toFault } from "../isolate/fault.ts";
import { passGates } from "./pass-gates.ts";
import type { GateTable } from "../../shared/gate/gate-table.ts";
import type { EvaluationParts } from "./evaluation.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { isStatic, type StaticPaths } from "./static-paths.ts";

/** What a static request needs, of the parts that all requests of an isolate share. */
export interface StaticParts extends Pick<EvaluationParts, "read" | "report"> {
  readonly staticPaths: StaticPaths | undefined;
  /** The gates that are closed while there is no snapshot. */
  readonly deployed: GateTable;
}

/**
 * A request for what is the same for everybody: nobody is identified and nothing is decided.
 *
 * @param target where the request goes
 * @returns undefined when it is to be evaluated: also where a gate stands before the path, open or closed, since its
 * answer then depends on a flag
 */
export async function evaluateStatic(
  received: Request,
  target: URL,
  { staticPaths, read, deployed, report }: StaticParts,
  waitUntil: WaitUntil,
): Promise<Evaluation | undefined> {
  if (staticPaths === undefined || !isStatic(staticPaths, received.method, target)) return undefined;
  try {
    const reading = await read(waitUntil);
    // With nothing on every gate is shut: what passes untouched has none.
    const passage = passGates(reading.cached?.gates ?? deployed, undefined, target);
    if (!("url" in passage) || passage.url.href !== target.href) return undefined;
    return { received, visitor: { context: {} }, reading, decided: undefined, isStatic: true };
  } catch (error) {
    report(toFault(error));
    return undefined;
  }
}
