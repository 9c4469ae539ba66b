import { toBucket } from "../bucketing/bucket.ts";
import { idReader } from "../bucketing/bucketing-id.ts";
import type { Comparison } from "../condition/comparison.ts";
import type { EvaluationContext } from "../flag/context.ts";
import type { DecidingRule, Decision } from "../flag/reason.ts";
import type { DecisionTrace } from "./trace.ts";

/** A prerequisite, and what it is itself. */
export interface ExplainedRequirement {
  readonly flag: string;
  /** The variant that is asked for; absent: any. */
  readonly variant?: string;
  readonly decision: Decision;
  readonly met: boolean;
}

/** A place, and where it comes from. */
export interface ExplainedPlace {
  /** The attribute whose value is the bucketing id. */
  readonly bucketBy: string;
  /** Absent: the context has none. */
  readonly id?: string;
  /** In [0, 100). Absent without an id, and where none was asked for: 0 and 100 % need none. */
  readonly bucket?: number;
}

/** A place, measured against a percentage: in when it is below. */
export interface ExplainedShare extends ExplainedPlace {
  readonly rolloutPct: number;
}

/** How a variant was drawn: by a place of its own, another one than for the percentage. */
export interface ExplainedDraw extends ExplainedPlace {
  readonly variant?: string;
  /** The percentages from which (inclusive) to which (exclusive) places have that variant, around this one. */
  readonly range?: readonly [from: number, to: number];
}

/** One step of the evaluation order, with what it looked at. */
export interface ExplainedStep {
  readonly step: DecidingRule;
  /** Of a rule: its id, and whether its condition matched; of an override, whether the flag has what it asks for. */
  readonly ruleId?: string;
  readonly matched?: boolean;
  /** Expected and actual values are cut where they are long; of all steps together at most `MAX_COMPARISONS`. */
  readonly comparisons?: readonly Comparison[];
  readonly requirements?: readonly ExplainedRequirement[];
  readonly share?: ExplainedShare;
  readonly draw?: ExplainedDraw;
}

/** As many as one flag's conditions have parts; segments, asked again and again, could make far more of them. */
const MAX_COMPARISONS = 1_000;

/** A listener that writes everything down. */
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
  const placeOf = (bucketBy: string, u32: number): ExplainedPlace => {
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
      add({ share: { ...placeOf(bucketBy, u32), rolloutPct: basisPoints / 100 } }),
    draw: ({ bucketBy, ends }, u32, piece, { variant }) => {
      const [from = 0, to = 100] = [ends[piece - 1], ends[piece]].map((end) => end && end / 100);
      const drawn = piece >= 0 && { variant, range: [from, to] as const };
      add({ draw: { ...placeOf(bucketBy, u32), ...drawn } });
    },
  };
}

/** What an explanation repeats of a value: enough to know it again. */
const MAX_TEXT = 120;
const MAX_ITEMS = 10;
const MAX_DEPTH = 4;

/**
 * A value, shortened for people: long texts, lists and objects end with "…". Lists that are sets become arrays.
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
  // Object.fromEntries makes own members whatever their names are.
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
