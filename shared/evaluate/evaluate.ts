import { bucketU32, isWithin, TOTAL } from "../bucketing/bucket.ts";
import type { Compiled, CompiledFlag, CompiledRequirement, Draw, Share } from "../compile/compiled.ts";
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
  waysIn,
} from "../compile/outcome.ts";
import type { Decision } from "../flag/reason.ts";
import { NO_SLOT } from "../bucketing/slots.ts";
import type { DecisionTrace } from "./trace.ts";

/** By position of `Compiled.slots` the context's place (`bucketU32`), or -1 where the context has no id. */
export type Buckets = readonly number[];

/** What is true of the moment, and not of flags or users. */
export interface Circumstances {
  /** Flags that are off whatever the snapshot says; see `killedKeys`. */
  readonly killed?: ReadonlySet<string>;
  /** The snapshot is older than MAX_STALE_MS: flags whose `fail_mode` is "off" are off. */
  readonly stale?: boolean;
  /**
   * What a test override forces, by flag key: "on", "off" or a variant. Each counts for the flag that it names alone:
   * a flag that needs that one is on for nobody who would not have it anyway, unless it is named as well.
   */
  readonly overrides?: ReadonlyMap<string, string>;
}

/** All that one evaluation goes by. */
interface Request {
  readonly context: EvaluationContext;
  readonly buckets: Buckets;
  readonly killed: ReadonlySet<string>;
  readonly stale: boolean;
  readonly overrides: ReadonlyMap<string, string>;
  /** What would be decided without overrides, by position; absent where there are none. */
  readonly natural?: readonly Decision[];
  /** What has been decided so far, by position. */
  readonly decisions: readonly Decision[];
}

/** One step of the evaluation order: its answer, or none. */
type Step = (flag: CompiledFlag, request: Request, trace: DecisionTrace | undefined) => Decision | undefined;

const NOBODY_KILLED: ReadonlySet<string> = new Set();
const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

const NO_BUCKET = -1;

/**
 * Hashes what `decide` will need: the only asynchronous step of an evaluation, since Web Crypto is.
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
 * Decides every flag of a snapshot for one context. Synchronous, pure, never throws; everything unknown is off.
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
 * The same, with somebody who listens.
 *
 * @param traceOf by position who hears how that flag is decided
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
    // Twice the work, for the few browsers that test.
    ...(overrides.size > 0 && { natural: decide(compiled, context, buckets, { killed, stale }) }),
  };
  for (const position of order) {
    const flag = flags[position];
    if (flag !== undefined) decisions[position] = decideFlag(flag, request, traceOf?.(position));
  }
  return decisions;
}

/** One flag's decision out of all of them; a flag that the snapshot does not hold is off with FLAG_NOT_FOUND. */
export function decisionOf(compiled: Compiled, decisions: readonly Decision[], key: string): Decision {
  const position = compiled.positions.get(key);
  return (position === undefined ? undefined : decisions[position]) ?? NOT_FOUND;
}

/** The evaluation order; the first answer wins. */
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
    // Decided before: that is what `order` is for.
    const forced = decisions[requirement.position] ?? BROKEN;
    // What an override forces is no grant for a flag that it does not name.
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

/** A variant that the flag does not have says nothing: it may have been there when the override was made. */
function decideOverride(flag: CompiledFlag, request: Request, trace?: DecisionTrace): Decision | undefined {
  const forced = request.overrides.get(flag.key);
  if (forced === undefined) return undefined;
  const variant = flag.variants.find(({ key }) => key === forced);
  trace?.step("override");
  trace?.matched(forced === "off" || forced === "on" || variant !== undefined);
  if (forced === "off") return FORCED_OFF;
  if (variant !== undefined) return decisionOn("TARGETING_MATCH", { rule: "override" }, variant);
  if (forced !== "on") return undefined;
  return choose(flag, waysIn(flag.variants)("TARGETING_MATCH", { rule: "override" }), request, trace);
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

/** Whether a list holds an attribute. An empty list says nothing, and the empty text is on none. */
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

/** Who is in a share. The percentages that need no place are answered without one. */
function decideShare(flag: CompiledFlag, share: Share, request: Request, trace?: DecisionTrace): Decision {
  const { basisPoints, slot } = share;
  const u32 = placeIn(request.buckets, slot);
  trace?.share(share, u32);
  if (basisPoints <= 0) return share.nobody;
  if (basisPoints >= TOTAL) return choose(flag, share.everybody, request, trace);
  if (u32 === NO_BUCKET) return share.noId;
  return isWithin(u32, basisPoints) ? choose(flag, share.within, request, trace) : share.beyond;
}

/** Which of a way's decisions is the user's: the only one, or that of the variant that is drawn. */
function choose({ draw }: CompiledFlag, on: On, { buckets }: Request, trace?: DecisionTrace): Decision {
  if (draw === undefined) return on[0] ?? BROKEN;
  const u32 = placeIn(buckets, draw.slot);
  const piece = pieceOf(draw, u32);
  const decision = piece === -1 ? NO_VARIANT_ID : (on[draw.owners[piece] ?? -1] ?? BROKEN);
  trace?.step("variants");
  trace?.draw(draw, u32, piece, decision);
  return decision;
}

/** In which piece of the ranges a place is; -1 without one. */
function pieceOf({ ends }: Draw, u32: number): number {
  if (u32 === NO_BUCKET) return -1;
  let piece = 0;
  while (piece < ends.length && !isWithin(u32, ends[piece] ?? TOTAL)) piece += 1;
  return piece;
}

function placeIn(buckets: Buckets, slot: number): number {
  return slot === NO_SLOT ? NO_BUCKET : (buckets[slot] ?? NO_BUCKET);
}
