import type { Explanation as Explained } from "../../shared/evaluate/explain.ts";
import type { DecidingRule, ErrorCode, Reason } from "../../shared/flag/reason.ts";
import type { ExplainedBucket, ExplainedStep } from "../../shared/evaluate/recorder.ts";
import type { FlagRow } from "../postgres/flag-record.ts";

/** Why one flag is what it is for one user, as the admin API says it. */
export interface Explanation {
  readonly flag_key: string;
  readonly value: boolean;
  readonly variant: string;
  readonly variant_value?: unknown;
  readonly reason: Reason;
  readonly rule?: DecidingRule;
  /** Which of the flag's rules, when `rule` is "rules". */
  readonly rule_id?: string;
  readonly error_code?: ErrorCode;
  /** What is wrong with the row, when it came in broken. */
  readonly invalid?: string;
  /** Every step that was taken, in order; the last one decided. */
  readonly steps: readonly Step[];
  /** The user's place in [0, 100): in when it is below the percentage. Absent without an id. */
  readonly bucket?: number;
  readonly bucket_by: string;
  readonly salt: string;
  readonly rollout_pct: number;
  /** Whether a kill at the edge holds it off; null when Redis does not say. */
  readonly killed_at_edge: boolean | null;
  readonly edge_fault?: string;
}

/** Where somebody is placed, and by what. */
interface Place {
  readonly bucket_by: string;
  readonly id?: string;
  readonly bucket?: number;
}

interface Step {
  readonly step: DecidingRule;
  readonly rule_id?: string;
  readonly matched?: boolean;
  readonly comparisons?: readonly {
    readonly attribute: string;
    readonly operator: string;
    readonly expected: unknown;
    readonly actual: unknown;
    readonly matched: boolean;
    readonly within?: readonly string[];
    readonly segment?: string;
  }[];
  readonly requirements?: readonly {
    readonly flag: string;
    readonly variant?: string;
    readonly met: boolean;
    readonly value: boolean;
    readonly flag_variant: string;
    readonly reason: Reason;
  }[];
  readonly share?: Place & { readonly rollout_pct: number };
  readonly draw?: Place & { readonly variant?: string; readonly range?: readonly [number, number] };
}

/** What the evaluator says, in the words of the API. */
export function toExplanation(
  { decision, steps, bucketing }: Explained,
  {
    row,
    invalid,
    edge,
  }: {
    readonly row: FlagRow;
    readonly invalid: string | undefined;
    readonly edge: { readonly killed?: ReadonlySet<string>; readonly fault?: string };
  },
): Explanation {
  const { value, variant, variantValue, reason, rule, ruleId, errorCode } = decision;
  return {
    flag_key: row.key,
    value,
    variant,
    ...(variantValue !== undefined && { variant_value: variantValue }),
    reason,
    ...(rule !== undefined && { rule }),
    ...(ruleId !== undefined && { rule_id: ruleId }),
    ...(errorCode !== undefined && { error_code: errorCode }),
    ...(invalid !== undefined && { invalid }),
    steps: steps.map(toStep),
    ...(bucketing?.bucket !== undefined && { bucket: bucketing.bucket }),
    bucket_by: row.bucket_by,
    salt: row.salt ?? row.key,
    rollout_pct: Number(row.rollout_pct),
    killed_at_edge: edge.killed?.has(row.key) ?? null,
    ...(edge.fault !== undefined && { edge_fault: edge.fault }),
  };
}

function toStep({
  step,
  ruleId,
  matched,
  comparisons,
  requirements,
  share,
  variant: draw,
}: ExplainedStep): Step {
  return {
    step,
    ...(ruleId !== undefined && { rule_id: ruleId }),
    ...(matched !== undefined && { matched }),
    ...(comparisons !== undefined && {
      comparisons: comparisons.map((one) => ({ ...one, actual: one.actual ?? null })),
    }),
    ...(requirements !== undefined && {
      requirements: requirements.map(({ decision, ...one }) => ({
        ...one,
        value: decision.value,
        flag_variant: decision.variant,
        reason: decision.reason,
      })),
    }),
    ...(share !== undefined && { share: { ...toPlace(share), rollout_pct: share.rolloutPct } }),
    ...(draw !== undefined && {
      draw: {
        ...toPlace(draw),
        ...(draw.variant !== undefined && { variant: draw.variant }),
        ...(draw.range !== undefined && { range: draw.range }),
      },
    }),
  };
}

function toPlace({ bucketBy, id, bucket }: ExplainedBucket): Place {
  return { bucket_by: bucketBy, ...(id !== undefined && { id }), ...(bucket !== undefined && { bucket }) };
}
