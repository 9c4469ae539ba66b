/** What a condition is evaluated against: an evaluation context, or any JSON object in its place. */
export type Attributes = Readonly<Record<string, unknown>>;

/** One operator that was evaluated, as an explanation shows it. */
export interface Comparison {
  /** The path to the attribute. */
  readonly attribute: string;
  /** "$eq" also where the condition has a plain value without an operator. */
  readonly operator: string;
  readonly expected: unknown;
  /** null when the attribute is missing. */
  readonly actual: unknown;
  readonly matched: boolean;
  /**
   * The operators around this one, outermost first, out of $not, $or, $nor and $size. They may negate the comparison or
   * make it one of several alternatives. Absent: the comparison must hold.
   */
  readonly within?: readonly string[];
  /** The segment whose condition this is. Its ids are compared with "$in". Absent: the rule's own condition. */
  readonly segment?: string;
}

/** Receives every comparison as it is made. Comparisons that the answer does not need are not made. */
export type Trace = (comparison: Comparison) => void;

/** Whether a context meets a condition. Never throws. */
export type Condition = (attributes: Attributes, trace?: Trace) => boolean;

/** Whether one value passes. `attributes` is the whole context, because segments are evaluated against it. */
export type ValueTest = (value: unknown, attributes: Attributes, trace?: Trace) => boolean;

/**
 * Whether a value belongs to a segment.
 *
 * @param attributes the whole context
 * @param attribute how a trace names the value's attribute
 */
export type GroupTest = (value: unknown, attributes: Attributes, attribute: string, trace?: Trace) => boolean;

/** Adds the surrounding operator to every comparison. Call it only when there is a trace: it allocates. */
export const traceWithin =
  (operator: string, trace: Trace): Trace =>
  (comparison) =>
    trace({ ...comparison, within: [operator, ...(comparison.within ?? [])] });

/** Adds the segment's name to every comparison. */
export const traceSegment =
  (segment: string, trace: Trace): Trace =>
  (comparison) =>
    trace({ ...comparison, segment });
