import type { Evaluation } from "./evaluation.ts";
import { toFault } from "../isolate/fault.ts";
import { passGates } from "./pass-gates.ts";
import type { Runtime } from "../runtime.ts";
import type { WaitUntil } from "../snapshot/snapshot-reader.ts";
import { isStatic } from "./static-paths.ts";

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
  { staticPaths, read, deployed, report }: Runtime,
  waitUntil: WaitUntil,
): Promise<Evaluation | undefined> {
  if (staticPaths === undefined || !isStatic(staticPaths, received.method, target)) return undefined;
  try {
    const reading = await read(waitUntil);
    // With nothing on every gate is shut: what passes untouched has none.
    const passage = passGates(reading.held?.gates ?? deployed, undefined, target);
    if (!("url" in passage) || passage.url.href !== target.href) return undefined;
    return { received, visitor: { context: {} }, reading, decided: undefined, isStatic: true };
  } catch (error) {
    report(toFault(error));
    return undefined;
  }
}
