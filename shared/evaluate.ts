import { bucketU32, isWithin } from "./bucket.ts";
import type { Compiled, CompiledFlag } from "./compile.ts";
import type { EvaluationContext } from "./context.ts";
import type { DecidingRule, Decision, ErrorCode, Reason } from "./reason.ts";

/** Per flag position the context's place (`bucketU32`), or -1 where none is needed or the context has no id. */
export type Buckets = readonly number[];

/** Flags that are off whatever the snapshot says; see `killedKeys`. */
export type Killed = ReadonlySet<string>;

const NOBODY_KILLED: Killed = new Set();

const NO_BUCKET = -1;

/**
 * Hashes what `decide` will need: the only asynchronous step of an evaluation, since Web Crypto is.
 * Flags that are decided without a bucket cost nothing.
 */
export async function computeBuckets(compiled: Compiled, context: EvaluationContext): Promise<Buckets> {
  const buckets: number[] = [];
  for (const flag of compiled.flags) {
    const id = needsBucket(flag) ? bucketingId(context) : undefined;
    buckets.push(id === undefined ? NO_BUCKET : await bucketU32(flag.salt, id));
  }
  return buckets;
}

/**
 * Decides every flag of a snapshot for one context. Synchronous, pure, never throws; everything unknown is off.
 *
 * @param buckets from `computeBuckets` with the same compiled snapshot and context
 * @param killed flags that are off whatever the snapshot says
 * @returns one decision per flag position
 */
export function decide(
  compiled: Compiled,
  context: EvaluationContext,
  buckets: Buckets,
  killed: Killed = NOBODY_KILLED,
): readonly Decision[] {
  return compiled.flags.map((flag, position) => {
    if (killed.has(flag.key)) return KILLED;
    return decideFlag(flag, context, buckets[position] ?? NO_BUCKET);
  });
}

/** One flag's decision out of all of them; a flag that the snapshot does not hold is off with FLAG_NOT_FOUND. */
export function decisionOf(compiled: Compiled, decisions: readonly Decision[], key: string): Decision {
  const position = compiled.positions.get(key);
  return (position === undefined ? undefined : decisions[position]) ?? NOT_FOUND;
}

// Decisions are shared constants: a request allocates no objects for them.
const on = (rule: DecidingRule, reason: Reason): Decision =>
  Object.freeze({ value: true, variant: "on", reason, rule });
const off = (rule: DecidingRule, reason: Reason): Decision =>
  Object.freeze({ value: false, variant: "off", reason, rule });
const failed = (errorCode: ErrorCode, rule?: DecidingRule): Decision =>
  Object.freeze({ value: false, variant: "off", reason: "ERROR", errorCode, ...(rule && { rule }) });

const NOT_FOUND = failed("FLAG_NOT_FOUND");
const BROKEN = failed("PARSE_ERROR");
const KILLED = off("off", "DISABLED");
const DISABLED = off("enabled", "DISABLED");
const ALLOWED = on("allowlist", "TARGETING_MATCH");
const BLOCKED = off("blocklist", "TARGETING_MATCH");
const OTHER_PLAN = off("plans", "TARGETING_MATCH");
const EMPLOYEE = on("employees_only", "TARGETING_MATCH");
const NO_EMPLOYEE = off("employees_only", "TARGETING_MATCH");
const AT_ZERO = off("rollout_pct", "DEFAULT");
const AT_HUNDRED = on("rollout_pct", "STATIC");
const NO_ID = failed("TARGETING_KEY_MISSING", "rollout_pct");
const WITHIN = on("rollout_pct", "SPLIT");
const BEYOND = off("rollout_pct", "SPLIT");

/** The evaluation order; the first answer wins. */
function decideFlag(flag: CompiledFlag, context: EvaluationContext, u32: number): Decision {
  if (flag.fault !== undefined) return BROKEN;
  if (!flag.enabled) return DISABLED;

  const { userId, plan, isEmployee } = context;
  if (userId && flag.allowlist.has(userId)) return ALLOWED;
  if (userId && flag.blocklist.has(userId)) return BLOCKED;
  if (flag.plans !== undefined && !(plan && flag.plans.has(plan))) return OTHER_PLAN;
  if (flag.employeesOnly) return isEmployee === true ? EMPLOYEE : NO_EMPLOYEE;

  if (flag.basisPoints <= 0) return AT_ZERO;
  if (flag.basisPoints >= 10_000) return AT_HUNDRED;
  if (u32 === NO_BUCKET) return NO_ID;
  return isWithin(u32, flag.basisPoints) ? WITHIN : BEYOND;
}

function needsBucket(flag: CompiledFlag): boolean {
  const { fault, enabled, employeesOnly, basisPoints } = flag;
  return fault === undefined && enabled && !employeesOnly && basisPoints > 0 && basisPoints < 10_000;
}

function bucketingId({ targetingKey }: EvaluationContext): string | undefined {
  return typeof targetingKey === "string" && targetingKey !== "" ? targetingKey : undefined;
}
