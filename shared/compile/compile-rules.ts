import { toBasisPoints } from "../bucketing/bucket.ts";
import { neverAnId } from "../bucketing/bucketing-id.ts";
import { compileWithSegments, type Segments } from "./compile-segments.ts";
import type { Condition } from "../condition/comparison.ts";
import { fault, type Fault } from "../flag/fault.ts";
import {
  ATTRIBUTE_PATTERN,
  KEY_FORM,
  MAX_ATTRIBUTE_PATH,
  MAX_CONDITION_NODES,
  MAX_RULES,
  MAX_RULE_DESCRIPTION,
  isKey,
  type Rule,
} from "../flag/flag.ts";
import { takeItems, takeMembers, type Members } from "../flag/members.ts";

/** The checked result of a rule. */
export type OutcomeDefinition =
  | { readonly basisPoints: number }
  | { readonly variant: string }
  | { readonly off: true };

/** One checked rule. */
export interface RuleDefinition {
  readonly id: string;
  readonly condition: Condition;
  readonly outcome: OutcomeDefinition;
  /** Absent: the flag's. */
  readonly bucketBy?: string;
}

interface Draft {
  readonly segments: Segments;
  id?: string;
  condition?: Condition;
  nodes: number;
  readonly outcomes: OutcomeDefinition[];
  bucketBy?: string;
}

const MEMBERS: Members<Draft, Rule> = {
  id: (value, into) => {
    if (!isKey(value)) return fault(KEY_FORM);
    into.id = value;
    return undefined;
  },
  description: (value) =>
    typeof value === "string" && value.length <= MAX_RULE_DESCRIPTION
      ? undefined
      : fault(`must be a string of at most ${MAX_RULE_DESCRIPTION} characters`),
  if: (value, into) => {
    const compiled = compileWithSegments(value, into.segments);
    if ("fault" in compiled) return compiled.fault;
    into.condition = compiled.condition;
    into.nodes = compiled.nodes;
    return undefined;
  },
  rollout_pct: (value, { outcomes }) => {
    if (!isPercentage(value)) return fault("must be a number from 0 to 100 with at most two decimals");
    outcomes.push({ basisPoints: toBasisPoints(value) });
    return undefined;
  },
  variant: (value, { outcomes }) => {
    if (typeof value !== "string") return fault("must be the key of one of this flag's variants");
    outcomes.push({ variant: value });
    return undefined;
  },
  off: (value, { outcomes }) => {
    if (value !== true) return fault("must be true or absent");
    outcomes.push({ off: true });
    return undefined;
  },
  bucket_by: (value, into) => {
    const found = judgeBucketBy(value);
    if (found === undefined) into.bucketBy = String(value);
    return found;
  },
};

/** Reads a flag's rules into `rules`. `judgeRuleVariants` checks that their variants exist. */
export function takeRules(value: unknown, segments: Segments, rules: RuleDefinition[]): Fault | undefined {
  const ids = new Set<string>();
  let nodes = 0;
  return takeItems(value, MAX_RULES, (item) => {
    const draft: Draft = { segments, nodes: 0, outcomes: [] };
    const found = takeMembers(item, MEMBERS, draft);
    if (found !== undefined) return found;
    const { id, condition, bucketBy, outcomes } = draft;
    const [outcome] = outcomes;
    if (id === undefined) return fault("is missing", "id");
    if (condition === undefined) return fault("is missing; {} matches everybody", "if");
    if (outcome === undefined || outcomes.length > 1) {
      return fault("must have exactly one of rollout_pct, variant and off");
    }
    if (ids.has(id)) return fault("another rule of this flag has this id", "id");
    nodes += draft.nodes;
    if (nodes > MAX_CONDITION_NODES) {
      return fault(
        `the conditions of this flag's rules have more than ${MAX_CONDITION_NODES} operators and values in total; move lists of ids into a segment`,
        "if",
      );
    }
    ids.add(id);
    rules.push({ id, condition, outcome, ...(bucketBy !== undefined && { bucketBy }) });
    return undefined;
  });
}

/** Checks that every variant named by a rule is one of the flag's. */
export function judgeRuleVariants(
  rules: readonly RuleDefinition[],
  variantKeys: ReadonlySet<string>,
): Fault | undefined {
  const index = rules.findIndex(({ outcome }) => "variant" in outcome && !variantKeys.has(outcome.variant));
  return index === -1 ? undefined : fault("is not the key of one of this flag's variants", index, "variant");
}

/** Checks a `bucket_by`. */
export function judgeBucketBy(value: unknown): Fault | undefined {
  if (typeof value !== "string" || value.length > MAX_ATTRIBUTE_PATH || !ATTRIBUTE_PATTERN.test(value)) {
    return fault(
      `must name an attribute: letters, digits and _, nested names joined by dots, at most ${MAX_ATTRIBUTE_PATH} characters`,
    );
  }
  const never = neverAnId(value);
  return never === undefined ? undefined : fault(never);
}

function isPercentage(value: unknown): value is number {
  // Hundredths are not exact in binary: 33.33 * 100 is not exactly 3333.
  return typeof value === "number" && value >= 0 && value <= 100 && Number(value.toFixed(2)) === value;
}
