import type { Explained, Step } from "../api/answers.ts";
import { visible } from "../terminal/visible.ts";
import { percentInWords } from "./amounts.ts";
import { comparisonInWords, valueInWords } from "./condition-words.ts";

/** The reason for each rule of the evaluation order. */
const RULES: { readonly [rule: string]: { readonly on: string; readonly off: string } } = {
  off: { on: "", off: "it is killed" },
  enabled: { on: "", off: "its kill switch is off" },
  requires: { on: "", off: "a prerequisite is not met" },
  override: { on: "a test override forces it", off: "a test override forces it" },
  allowlist: { on: "the user id is on the allowlist", off: "" },
  blocklist: { on: "", off: "the user id is on the blocklist" },
  plans: { on: "", off: "the user is on none of its plans" },
  employees_only: { on: "the user is an employee", off: "the flag is for employees only" },
  rollout_pct: {
    on: "the bucket is below the rollout percentage",
    off: "the bucket is not below the rollout percentage",
  },
};

const FAULTS: { readonly [code: string]: string } = {
  PARSE_ERROR: "the flag in Postgres is not valid",
  FLAG_NOT_FOUND: "the edge does not have this flag",
};

/** On, with the variant if any, or off. */
export function verdictInWords({ value, variant }: Explained): string {
  if (!value) return "off";
  return variant === "on" ? "on" : `on, ${visible(variant, 64)}`;
}

/** The reason for a decision, in one line. */
export function becauseInWords(explained: Explained): string {
  const { invalid, reason, value, rule, error_code: errorCode } = explained;
  if (invalid !== undefined) return visible(invalid, 300);
  if (errorCode === "TARGETING_KEY_MISSING") return missingIdInWords(explained);
  const known = errorCode === undefined ? undefined : FAULTS[errorCode];
  if (known !== undefined) return known;
  if (rule === "rules") return ruleInWords(explained);
  return (rule === undefined ? undefined : RULES[rule]?.[value ? "on" : "off"]) ?? visible(reason, 80);
}

function ruleInWords({ value, rule_id: id, steps }: Explained): string {
  const share = steps.findLast(({ step }) => step === "rules")?.share;
  const matched = `the rule ${visible(id ?? "", 64)} matches`;
  if (share === undefined || (value && share.rollout_pct === 100)) return matched;
  return `${matched}, and the bucket is ${value ? "" : "not "}below its percentage`;
}

function missingIdInWords({ rule, bucket_by: flagBucketBy, steps }: Explained): string {
  const place = steps.findLast(({ share, draw }) => share !== undefined || draw !== undefined);
  const bucketBy = (place?.draw ?? place?.share)?.bucket_by ?? flagBucketBy;
  const what = rule === "variants" ? "the variant" : "the percentage";
  if (bucketBy === "targetingKey") return `${what} needs a user id or an anonymous id`;
  return `${what} needs the attribute ${visible(bucketBy, 128)}`;
}

/** The step that decided, with the rule's id. */
export function decidingStep({ rule, rule_id: id }: Explained): string | undefined {
  if (rule === undefined) return undefined;
  return visible(id === undefined ? rule : `${rule}: ${id}`, 150);
}

/** One line of an explanation: the step and its inputs. */
export type StepLine = readonly [step: string, words: string];

/** Every step of a decision, in order. */
export function stepLines({ steps, killed_at_edge: killed, ...explained }: Explained): readonly StepLine[] {
  const lines = steps.flatMap((step, index): readonly StepLine[] => {
    // For a broken flag, no step decided, not even the last one.
    const isDeciding = index === steps.length - 1 && explained.rule === step.step;
    const [first = "", ...rest] = wordsOf(step, { killed, isDeciding });
    return [[nameOf(step), first] as const, ...rest.map((line) => ["", line] as const)];
  });
  return [...lines, ...brokenLines(explained)];
}

/** The line where a broken flag ends. A killed flag ends before it. */
function brokenLines({
  rule,
  error_code: code,
  invalid,
}: Pick<Explained, "rule" | "error_code" | "invalid">): readonly StepLine[] {
  if (rule !== undefined || code !== "PARSE_ERROR") return [];
  return [["broken", visible(invalid ?? "not valid in Postgres", 300)] as const];
}

/** What the step itself does not contain. */
interface Around {
  readonly killed: boolean | null;
  /** This step decided. */
  readonly isDeciding: boolean;
}

const NAMES: { readonly [step: string]: string } = {
  off: "kill",
  fail_mode: "stale snapshot",
  enabled: "kill switch",
  requires: "prerequisites",
  override: "test override",
  allowlist: "allowed ids",
  blocklist: "denied ids",
  plans: "plans",
  employees_only: "employees only",
  rollout_pct: "percentage",
  variants: "variant",
};

function nameOf({ step, rule_id: id }: Step): string {
  if (step === "rules") return `rule ${visible(id ?? "", 64)}`;
  return NAMES[step] ?? visible(step, 40);
}

function wordsOf(step: Step, around: Around): readonly string[] {
  const fixed = FIXED[step.step]?.(around);
  if (fixed !== undefined) return [fixed];
  const lines = [
    ...(step.comparisons ?? []).map(comparedInWords),
    ...(step.requirements ?? []).map(requirementInWords),
    ...(step.matched === undefined ? [] : [step.matched ? "it matches" : "it does not match"]),
    ...(step.share === undefined ? [] : [shareInWords(step.share)]),
    ...(step.draw === undefined ? [] : [variantStepInWords(step.draw)]),
  ];
  return lines.length > 0 ? lines : ["-"];
}

/** Steps without comparisons. */
const FIXED: { readonly [step: string]: (around: Around) => string } = {
  off: ({ killed, isDeciding }) => {
    if (killed === null) return "unknown: Redis does not answer";
    return killed || isDeciding ? "killed" : "not killed";
  },
  fail_mode: ({ isDeciding }) => (isDeciding ? "off when the snapshot is old" : "uses an old snapshot"),
  enabled: ({ isDeciding }) => (isDeciding ? "off" : "on"),
};

function comparedInWords({
  attribute,
  operator,
  expected,
  actual,
  matched,
  within = [],
  segment,
}: NonNullable<Step["comparisons"]>[number]): string {
  const found = actual === undefined || actual === null ? "it is missing" : `it is ${valueInWords(actual)}`;
  const whose = segment === undefined ? "" : `segment ${visible(segment, 64)}: `;
  const around = within.length === 0 ? "" : ` (within ${visible(within.join(", "), 128)})`;
  return `${whose}${comparisonInWords(attribute, operator, expected)}: ${matched ? "yes" : "no"}, ${found}${around}`;
}

function requirementInWords({
  flag,
  variant,
  met,
  value,
  flag_variant: actual,
  reason,
}: NonNullable<Step["requirements"]>[number]): string {
  const wanted = variant === undefined ? "on" : `on with ${visible(variant, 64)}`;
  const is = value ? (actual === "on" ? "on" : `on with ${visible(actual, 64)}`) : "off";
  return `${visible(flag, 64)} must be ${wanted}: ${met ? "yes" : "no"}, it is ${is} (${visible(reason, 40)})`;
}

function shareInWords({ rollout_pct: percent, bucket, ...place }: NonNullable<Step["share"]>): string {
  if (percent === 0) return "0 %: off for everybody";
  if (percent === 100) return "100 %: on for everybody";
  if (bucket === undefined)
    return `${percentInWords(percent)}, but there is no ${visible(place.bucket_by, 128)}: off`;
  const verdict = bucket < percent ? "on" : "off";
  return `${percentInWords(percent)}, bucket ${bucketInWords(bucket)} ${ofWhom(place)}: ${verdict}`;
}

function variantStepInWords({ bucket, variant, range, ...place }: NonNullable<Step["draw"]>): string {
  if (bucket === undefined || variant === undefined || range === undefined) {
    return `no variant: there is no ${visible(place.bucket_by, 128)}`;
  }
  const [from, to] = range;
  return `bucket ${bucketInWords(bucket)} ${ofWhom(place)}: ${visible(variant, 64)} is from ${from} to ${to}`;
}

function ofWhom({
  bucket_by: by,
  id,
}: {
  readonly bucket_by: string;
  readonly id?: string | undefined;
}): string {
  return `of ${visible(by, 128)} ${valueInWords(id)}`;
}

/** A bucket in [0, 100), rounded down: rounded up, it could show a percentage that it is still below. */
export function bucketInWords(bucket: number): string {
  return (Math.floor(bucket * 10_000) / 10_000).toFixed(4);
}
