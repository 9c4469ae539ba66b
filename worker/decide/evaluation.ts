import type { Identify, Visitor } from "../identity/identify.ts";
import type { Stripped } from "../identity/strip.ts";
import { toFault, type Report } from "../isolate/fault.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { readOverride, type OverrideRules } from "../override/verify-override.ts";
import type { Reading, SnapshotReader } from "../snapshot/snapshot-reader.ts";
import { decideAll, type Decided } from "./decide.ts";

/** One request and its decisions: everything that later steps use. */
export interface Evaluation {
  /** As received: its headers are not trusted, and its body has gone on. */
  readonly received: Request;
  readonly visitor: Visitor;
  readonly reading: Reading;
  /** Undefined when nothing could be decided: everything is off. */
  readonly decided: Decided | undefined;
  /** The answer is the same for everybody, and nothing was decided. */
  readonly isStatic?: true;
}

/** What an evaluation needs, of the parts that all requests of an isolate share. */
export interface EvaluationParts {
  readonly identify: Identify;
  readonly read: SnapshotReader;
  readonly maxStaleMs: number;
  /** Absent: no test override is accepted. */
  readonly overrides?: OverrideRules | undefined;
  readonly report: Report;
}

/** identify -> snapshot -> decide. Never rejects: an error is reported, and everything is off. */
export async function evaluate(
  received: Request,
  stripped: Stripped,
  { identify, maxStaleMs, overrides: rules, read, report }: EvaluationParts,
  waitUntil: WaitUntil,
): Promise<Evaluation> {
  let visitor: Visitor = { context: {} };
  let reading: Reading = { source: "none" };
  let decided: Decided | undefined;
  try {
    visitor = await identify(received, stripped, waitUntil);
    reading = await read(waitUntil);
    const overrides = await readOverride(stripped.override, rules, report);
    decided = await decideAll(reading, visitor.context, maxStaleMs, overrides);
  } catch (error) {
    // A fault of the flags is not the visitor's: the page is shown with everything off, unless a gate closes it.
    report(toFault(error));
  }
  return { received, visitor, reading, decided };
}
