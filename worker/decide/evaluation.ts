import { decideAll, type Decided } from "./decide.ts";
import { toFault } from "../isolate/fault.ts";
import type { Identify, Visitor } from "../identity/identify.ts";
import type { Stripped } from "../identity/strip.ts";
import type { Report } from "../isolate/report.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { readOverride, type OverrideRules } from "../override/verify-override.ts";
import type { Reading, SnapshotReader } from "../snapshot/snapshot-reader.ts";

/** One request, and what was decided for it: all that the steps behind it go by. */
export interface Evaluation {
  /** As it came; its headers are the client's word, and its body has gone on. */
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
  readonly overrides?: OverrideRules;
  readonly report: Report;
}

/** identify -> snapshot -> decide. Never rejects: what fails is reported, and everything is off. */
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
    // The flags' fault, not the visitor's: the page comes, unless a gate closes it, with everything off.
    report(toFault(error));
  }
  return { received, visitor, reading, decided };
}
