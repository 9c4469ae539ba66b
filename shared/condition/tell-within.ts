import type { Trace } from "./condition.ts";

/** A listener that also hears what a comparison stands within. Made for somebody who listens, and never without one. */
export const within =
  (operator: string, trace: Trace): Trace =>
  (comparison) =>
    trace({ ...comparison, within: [operator, ...(comparison.within ?? [])] });

/** A listener that also hears which segment asks. */
export const ofSegment =
  (segment: string, trace: Trace): Trace =>
  (comparison) =>
    trace({ ...comparison, segment });
