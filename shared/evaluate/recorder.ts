import { toBucket } from "../bucketing/bucket.ts";
import { idReader } from "../bucketing/bucketing-id.ts";
import type { Comparison } from "../condition/comparison.ts";
import type { EvaluationContext } from "../flag/context.ts";
import type { DecidingRule, Decision } from "../flag/reason.ts";
import type { DecisionTrace } from "./trace.ts";

/** A prerequisite and its own decision. */
export interface ExplainedRequirement {
  readonly flag: string;
  /** The required variant. Absent: any. */
  readonly variant?: string;
  readonly decision: Decision;
  readonly met: boolean;
}

/** A bucket, and the id that it is computed from. */
export interface ExplainedBucket {
  /** The attribute whose value is the bucketing id. */
  readonly bucketBy: string;
  /** Absent when the context has no id. */
  readonly id?: string;
  /** From 0 (inclusive) to 100 (exclusive). Absent without an id, and at 0 % and 100 %, which need no bucket. */
  readonly bucket?: number;
}

/** A bucket compared with a percentage: on when it is below. */
export interface ExplainedShare extends ExplainedBucket {
  readonly rolloutPct: number;
}

/** How a user is assigned to a variant: by another bucket than the percentage's. */
export interface ExplainedVariant extends ExplainedBucket {
  readonly variant?: string;
  /** The variant's range around this bucket, in percent: from (inclusive) to (exclusive). */
  readonly range?: readonly [from: number, to: number];
}

/** One step of the evaluation order, with its inputs. */
export interface ExplainedStep {
  readonly step: DecidingRule;
  /** The id, for a step of "rules". */
  readonly ruleId?: string;
  /** For a rule, whether its condition matched; for an override, whether the flag has the variant that it names. */
  readonly matched?: boolean;
  /** Long values are cut. All steps together have at most `MAX_COMPARISONS`. */
  readonly comparisons?: readonly Comparison[];
  readonly requirements?: readonly ExplainedRequirement[];
  readonly share?: ExplainedShare;
  readonly variant?: ExplainedVariant;
}

/** One flag's conditions have at most as many operators, but segments that many rules use can add far more. */
const MAX_COMPARISONS = 1_000;

/** A trace that records all steps. */
export interface Recorder extends DecisionTrace {
  readonly steps: readonly ExplainedStep[];
}

export function createRecorder(context: EvaluationContext): Recorder {
  const steps: ExplainedStep[] = [];
  let comparisons: Comparison[] = [];
  let compared = 0;
  const add = (more: Partial<ExplainedStep>): void => {
    const last = steps.pop();
    if (last !== undefined) steps.push({ ...last, ...more });
  };
  const explainBucket = (bucketBy: string, u32: number): ExplainedBucket => {
    const id = idReader(bucketBy)(context);
    return { bucketBy, ...(id !== undefined && { id }), ...(u32 >= 0 && { bucket: toBucket(u32) }) };
  };
  return {
    steps,
    step: (step, ruleId) => {
      comparisons = [];
      steps.push({ step, ...(ruleId !== undefined && { ruleId }) });
    },
    matched: (matched) => add({ matched }),
    comparison: (comparison) => {
      compared += 1;
      if (compared > MAX_COMPARISONS) return;
      const { expected, actual } = comparison;
      comparisons.push({ ...comparison, expected: cut(expected), actual: cut(actual) });
      if (comparisons.length === 1) add({ comparisons });
    },
    requirement: ({ flag, variant }, decision, met) => {
      const one = { flag, ...(variant !== undefined && { variant }), decision, met };
      add({ requirements: [...(steps.at(-1)?.requirements ?? []), one] });
    },
    share: ({ bucketBy, basisPoints }, u32) =>
      add({ share: { ...explainBucket(bucketBy, u32), rolloutPct: basisPoints / 100 } }),
    variant: ({ bucketBy, ends }, u32, piece, { variant }) => {
      const [from = 0, to = 100] = [ends[piece - 1], ends[piece]].map((end) => end && end / 100);
      const assigned = piece >= 0 && { variant, range: [from, to] as const };
      add({ variant: { ...explainBucket(bucketBy, u32), ...assigned } });
    },
  };
}

/** How much of a value an explanation shows: enough to recognize it. */
const MAX_TEXT = 120;
const MAX_ITEMS = 10;
const MAX_DEPTH = 4;

/**
 * Shortens a value for people: long texts, lists and objects end with "…". Sets become arrays.
 *
 * @example
 * cut(["a", "b", …]) // ["a", "b", …, "… 9,990 more"]
 */
function cut(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_DEPTH) return "…";
  if (Array.isArray(value)) return cutItems(value, value.length, depth);
  if (value instanceof Set) return cutItems(value, value.size, depth);
  const members = Object.entries(value);
  const shown = members.slice(0, MAX_ITEMS).map(([name, member]) => [name, cut(member, depth + 1)] as const);
  // Object.fromEntries creates own members even for names such as __proto__.
  return Object.fromEntries(
    members.length > MAX_ITEMS ? [...shown, ["…", more(members.length)] as const] : shown,
  );
}

function cutItems(items: Iterable<unknown>, count: number, depth: number): unknown[] {
  const shown: unknown[] = [];
  for (const item of items) {
    if (shown.length === MAX_ITEMS) return [...shown, more(count)];
    shown.push(cut(item, depth + 1));
  }
  return shown;
}

const more = (count: number): string => `… ${count - MAX_ITEMS} more`;
