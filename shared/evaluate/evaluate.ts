import { bucketU32, isWithin, TOTAL } from "../bucketing/bucket.ts";
import type {
  Compiled,
  CompiledFlag,
  CompiledRequirement,
  VariantSplit,
  Share,
} from "../compile/compiled.ts";
import type { EvaluationContext } from "../flag/context.ts";
import {
  BLOCKED,
  BROKEN,
  decisionOn,
  DISABLED,
  FORCED_OFF,
  KILLED,
  NO_EMPLOYEE,
  NO_VARIANT_ID,
  NOT_FOUND,
  type On,
  OTHER_PLAN,
  STALE,
  UNMET,
  onDecisions,
} from "../compile/outcome.ts";
import type { Decision } from "../flag/reason.ts";
import { NO_SLOT } from "../bucketing/slots.ts";
import type { DecisionTrace } from "./trace.ts";

/** The context's buckets (`bucketU32`) by position in `Compiled.slots`; -1 where the context has no id. */
export type Buckets = readonly number[];

/** Inputs of a decision that belong neither to the flags nor to the user. */
export interface Circumstances {
  /** Flags that are off in spite of the snapshot; see `killedKeys`. */
  readonly killed?: ReadonlySet<string>;
  /** The snapshot is older than MAX_STALE_MS: flags whose `fail_mode` is "off" are off. */
  readonly stale?: boolean;
  /**
   * The values of a test override, by flag key: "on", "off" or a variant. An override affects only the flags that it names:
   * it never turns on another flag that requires one of them.
   */
  readonly overrides?: ReadonlyMap<string, string>;
}

/** The inputs of one evaluation. */
interface Request {
  readonly context: EvaluationContext;
  readonly buckets: Buckets;
  readonly killed: ReadonlySet<string>;
  readonly stale: boolean;
  readonly overrides: ReadonlyMap<string, string>;
  /** The decisions without overrides, by position. Absent when there are no overrides. */
  readonly natural?: readonly Decision[];
  /** The decisions so far, by position. */
  readonly decisions: readonly Decision[];
}

/** One step of the evaluation order: a decision, or undefined to continue with the next step. */
type Step = (flag: CompiledFlag, request: Request, trace: DecisionTrace | undefined) => Decision | undefined;

const NOBODY_KILLED: ReadonlySet<string> = new Set();
const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

const NO_BUCKET = -1;

/**
 * Hashes the buckets that `decide` needs. It is asynchronous because Web Crypto is; the rest of an evaluation is not.
 * Flags that are decided without a bucket cost nothing.
 */
export async function computeBuckets(compiled: Compiled, context: EvaluationContext): Promise<Buckets> {
  const buckets: number[] = [];
  for (const { salt, readId } of compiled.slots) {
    const id = readId(context);
    buckets.push(id === undefined ? NO_BUCKET : await bucketU32(salt, id));
  }
  return buckets;
}

/**
 * Decides every flag of a snapshot for one context. Synchronous and pure. It never throws, and everything unknown is off.
 *
 * @param buckets from `computeBuckets` with the same compiled snapshot and context
 * @returns one decision per flag position
 */
export function decide(
  compiled: Compiled,
  context: EvaluationContext,
  buckets: Buckets,
  circumstances: Circumstances = {},
): readonly Decision[] {
  return decideTraced(compiled, context, buckets, circumstances);
}

/**
 * Decides every flag, like `decide`, and reports the steps.
 *
 * @param traceOf returns the trace for a flag's position, or undefined for none
 */
export function decideTraced(
  compiled: Compiled,
  context: EvaluationContext,
  buckets: Buckets,
  circumstances: Circumstances,
  traceOf?: (position: number) => DecisionTrace | undefined,
): readonly Decision[] {
  const { flags, order } = compiled;
  const { killed = NOBODY_KILLED, stale = false, overrides = NO_OVERRIDES } = circumstances;
  const decisions = flags.map(() => BROKEN);
  const request: Request = {
    context,
    buckets,
    killed,
    stale,
    overrides,
    decisions,
    // Doubles the work, but only for browsers with a test override.
    ...(overrides.size > 0 && { natural: decide(compiled, context, buckets, { killed, stale }) }),
  };
  for (const position of order) {
    const flag = flags[position];
    if (flag !== undefined) decisions[position] = decideFlag(flag, request, traceOf?.(position));
  }
  return decisions;
}

/** The decision for one flag. A flag that is not in the snapshot is off with FLAG_NOT_FOUND. */
export function decisionOf(compiled: Compiled, decisions: readonly Decision[], key: string): Decision {
  const position = compiled.positions.get(key);
  return (position === undefined ? undefined : decisions[position]) ?? NOT_FOUND;
}

/** The evaluation order. The first step with a decision wins. */
const STEPS: readonly Step[] = [
  decideKilled,
  decideStale,
  decideBroken,
  decideDisabled,
  decideRequired,
  decideOverride,
  decideAllowlist,
  decideBlocklist,
  decidePlans,
  decideEmployees,
  decideRules,
  decideRollout,
];

function decideFlag(flag: CompiledFlag, request: Request, trace: DecisionTrace | undefined): Decision {
  for (const step of STEPS) {
    const decision = step(flag, request, trace);
    if (decision !== undefined) return decision;
  }
  return BROKEN;
}

function decideKilled(
  { key }: CompiledFlag,
  { killed }: Request,
  trace?: DecisionTrace,
): Decision | undefined {
  trace?.step("off");
  return killed.has(key) ? KILLED : undefined;
}

function decideStale(
  { failMode }: CompiledFlag,
  { stale }: Request,
  trace?: DecisionTrace,
): Decision | undefined {
  if (!stale) return undefined;
  trace?.step("fail_mode");
  return failMode === "last-known" ? undefined : STALE;
}

function decideBroken({ fault }: CompiledFlag): Decision | undefined {
  return fault === undefined ? undefined : BROKEN;
}

function decideDisabled(
  { enabled }: CompiledFlag,
  _request: Request,
  trace?: DecisionTrace,
): Decision | undefined {
  trace?.step("enabled");
  return enabled ? undefined : DISABLED;
}

function decideRequired(
  { key, requires }: CompiledFlag,
  { decisions, natural, overrides }: Request,
  trace?: DecisionTrace,
): Decision | undefined {
  if (requires.length === 0) return undefined;
  trace?.step("requires");
  for (const requirement of requires) {
    // `order` ensures that prerequisites are decided first.
    const forced = decisions[requirement.position] ?? BROKEN;
    // An override of a prerequisite must not turn on a flag that the override does not name.
    const unforced = overrides.has(key) ? undefined : natural?.[requirement.position];
    const decision = unforced !== undefined && meets(forced, requirement) ? unforced : forced;
    const isMet = meets(decision, requirement);
    trace?.requirement(requirement, decision, isMet);
    if (!isMet) return UNMET;
  }
  return undefined;
}

function meets({ value, variant }: Decision, { variant: wanted }: CompiledRequirement): boolean {
  return value && (wanted === undefined || wanted === variant);
}

/** Ignores a variant that the flag does not have: it may have been removed after the override was created. */
function decideOverride(flag: CompiledFlag, request: Request, trace?: DecisionTrace): Decision | undefined {
  const forced = request.overrides.get(flag.key);
  if (forced === undefined) return undefined;
  const variant = flag.variants.find(({ key }) => key === forced);
  trace?.step("override");
  trace?.matched(forced === "off" || forced === "on" || variant !== undefined);
  if (forced === "off") return FORCED_OFF;
  if (variant !== undefined) return decisionOn("TARGETING_MATCH", { rule: "override" }, variant);
  if (forced !== "on") return undefined;
  return choose(flag, onDecisions(flag.variants)("TARGETING_MATCH", { rule: "override" }), request, trace);
}

function decideAllowlist(flag: CompiledFlag, request: Request, trace?: DecisionTrace): Decision | undefined {
  const isListed = isOn(flag.allowlist, "allowlist", "userId", request.context, trace);
  return isListed ? choose(flag, flag.allowed, request, trace) : undefined;
}

function decideBlocklist(
  { blocklist }: CompiledFlag,
  { context }: Request,
  trace?: DecisionTrace,
): Decision | undefined {
  return isOn(blocklist, "blocklist", "userId", context, trace) ? BLOCKED : undefined;
}

function decidePlans(
  { plans }: CompiledFlag,
  { context }: Request,
  trace?: DecisionTrace,
): Decision | undefined {
  if (plans === undefined) return undefined;
  return isOn(plans, "plans", "plan", context, trace) ? undefined : OTHER_PLAN;
}

function decideEmployees(flag: CompiledFlag, request: Request, trace?: DecisionTrace): Decision | undefined {
  if (!flag.employeesOnly) return undefined;
  const { isEmployee: actual } = request.context;
  trace?.step("employees_only");
  trace?.comparison({
    attribute: "isEmployee",
    operator: "$eq",
    expected: true,
    actual,
    matched: actual === true,
  });
  return actual === true ? choose(flag, flag.employee, request, trace) : NO_EMPLOYEE;
}

function decideRules(flag: CompiledFlag, request: Request, trace?: DecisionTrace): Decision | undefined {
  for (const { id, condition, outcome } of flag.rules) {
    trace?.step("rules", id);
    const isMatch = condition(request.context, trace?.comparison);
    trace?.matched(isMatch);
    if (!isMatch) continue;
    return "basisPoints" in outcome ? decideShare(flag, outcome, request, trace) : outcome;
  }
  return undefined;
}

function decideRollout(flag: CompiledFlag, request: Request, trace?: DecisionTrace): Decision {
  trace?.step("rollout_pct");
  return decideShare(flag, flag.rollout, request, trace);
}

/** Whether a list contains the attribute. Reports nothing for an empty list, which has no effect. */
function isOn(
  list: ReadonlySet<string>,
  step: "allowlist" | "blocklist" | "plans",
  attribute: "userId" | "plan",
  context: EvaluationContext,
  trace: DecisionTrace | undefined,
): boolean {
  const actual = context[attribute];
  const matched = actual !== undefined && list.has(actual);
  if (trace !== undefined && (list.size > 0 || step === "plans")) {
    trace.step(step);
    trace.comparison({ attribute, operator: "$in", expected: list, actual, matched });
  }
  return matched;
}

/** Compares the user's bucket with a percentage. 0 % and 100 % need no bucket. */
function decideShare(flag: CompiledFlag, share: Share, request: Request, trace?: DecisionTrace): Decision {
  const { basisPoints, slot } = share;
  const u32 = bucketAt(request.buckets, slot);
  trace?.share(share, u32);
  if (basisPoints <= 0) return share.nobody;
  if (basisPoints >= TOTAL) return choose(flag, share.everybody, request, trace);
  if (u32 === NO_BUCKET) return share.noId;
  return isWithin(u32, basisPoints) ? choose(flag, share.within, request, trace) : share.beyond;
}

/** Chooses among a step's decisions: the only one, or the one of the variant that the user is assigned to. */
function choose(
  { variantSplit: split }: CompiledFlag,
  on: On,
  { buckets }: Request,
  trace?: DecisionTrace,
): Decision {
  if (split === undefined) return on[0] ?? BROKEN;
  const u32 = bucketAt(buckets, split.slot);
  const piece = pieceOf(split, u32);
  const decision = piece === -1 ? NO_VARIANT_ID : (on[split.owners[piece] ?? -1] ?? BROKEN);
  trace?.step("variants");
  trace?.variant(split, u32, piece, decision);
  return decision;
}

/** The index of the range that contains a bucket; -1 without a bucket. */
function pieceOf({ ends }: VariantSplit, u32: number): number {
  if (u32 === NO_BUCKET) return -1;
  let piece = 0;
  while (piece < ends.length && !isWithin(u32, ends[piece] ?? TOTAL)) piece += 1;
  return piece;
}

function bucketAt(buckets: Buckets, slot: number): number {
  return slot === NO_SLOT ? NO_BUCKET : (buckets[slot] ?? NO_BUCKET);
}
