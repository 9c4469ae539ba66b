import type { FlagDefinition } from "./compile-flag.ts";
import type { RuleDefinition } from "./compile-rules.ts";
import type { VariantDefinition } from "./compile-variants.ts";
import type { CompiledFlag, CompiledRule, VariantSplit, Share } from "./compiled.ts";
import { encodeMember } from "../flag/flag-member.ts";
import { decisionFailed, decisionOff, decisionOn, isSplit, type Origin, onDecisions } from "./outcome.ts";
import { TOTAL } from "../bucketing/bucket.ts";
import type { Reason } from "../flag/reason.ts";
import { NO_SLOT, variantSalt, type Slots } from "../bucketing/slots.ts";

/**
 * Computes everything of a flag that does not depend on a request: decisions, hash inputs and header members.
 *
 * @param positions the position of every flag of the snapshot, by key
 * @param slots collects the hash inputs that this flag needs
 */
export function buildFlag(
  flag: FlagDefinition,
  positions: ReadonlyMap<string, number>,
  slots: Slots,
): CompiledFlag {
  const { targeting, variants, bucketBy, basisPoints } = flag;
  const { rules: ruleDefinitions, ...lists } = targeting;
  const on = onDecisions(variants);
  // A flag that is off or for employees only never reaches its percentages, so it needs no hashing for them.
  const shareSlots = flag.enabled && !targeting.employeesOnly ? slots : undefined;
  const shareOf = (basisPoints: number, bucketBy: string, reasons: ShareReasons, origin: Origin): Share => ({
    basisPoints,
    bucketBy,
    slot: needsBucket(basisPoints) ? (shareSlots?.add(flag.salt, bucketBy) ?? NO_SLOT) : NO_SLOT,
    nobody: decisionOff(reasons.nobody, origin),
    everybody: on(reasons.everybody, origin),
    within: on("SPLIT", origin),
    beyond: decisionOff("SPLIT", origin),
    noId: decisionFailed("TARGETING_KEY_MISSING", origin),
  });
  const outcomeOf = (rule: RuleDefinition): CompiledRule["outcome"] => {
    const { outcome } = rule;
    const origin: Origin = { rule: "rules", ruleId: rule.id };
    if ("off" in outcome) return decisionOff("TARGETING_MATCH", origin);
    if ("basisPoints" in outcome) {
      return shareOf(outcome.basisPoints, rule.bucketBy ?? bucketBy, RULE_REASONS, origin);
    }
    const variant = variants.find(({ key }) => key === outcome.variant);
    return decisionOn("TARGETING_MATCH", origin, variant);
  };

  const rules = ruleDefinitions.map((rule) => ({
    id: rule.id,
    condition: rule.condition,
    outcome: outcomeOf(rule),
  }));
  const rollout = shareOf(
    basisPoints,
    bucketBy,
    { nobody: "DEFAULT", everybody: isSplit(variants) ? "SPLIT" : "STATIC" },
    { rule: "rollout_pct" },
  );
  return {
    key: flag.key,
    ...(flag.fault !== undefined && { fault: flag.fault }),
    enabled: flag.enabled,
    requires: flag.requires.map((requirement) => ({
      ...requirement,
      position: positions.get(requirement.flag) ?? -1,
    })),
    ...lists,
    allowed: on("TARGETING_MATCH", { rule: "allowlist" }),
    employee: on("TARGETING_MATCH", { rule: "employees_only" }),
    rules,
    rollout,
    ...(isSplit(variants) && {
      variantSplit: {
        bucketBy,
        // Also needed at 0 %: a test override can turn the flag on, and then the user needs a variant.
        slot: flag.enabled ? slots.add(variantSalt(flag.salt), bucketBy) : NO_SLOT,
        ...piecesOf(variants),
      },
    }),
    variants,
    salt: flag.salt,
    bucketBy,
    failMode: flag.failMode,
    inHeader: flag.inHeader,
    clientVisible: flag.clientVisible,
    headerMembers:
      variants.length === 0
        ? NO_MEMBERS
        : new Map(variants.map((variant) => [variant.key, encodeMember(flag.key, variant)])),
  };
}

/** Shared by all boolean flags, because an empty map takes memory too. */
const NO_MEMBERS: CompiledFlag["headerMembers"] = new Map();

/** The reasons at 0 % and at 100 %. */
interface ShareReasons {
  readonly nobody: Reason;
  readonly everybody: Reason;
}

const RULE_REASONS: ShareReasons = { nobody: "TARGETING_MATCH", everybody: "TARGETING_MATCH" };

const needsBucket = (basisPoints: number): boolean => basisPoints > 0 && basisPoints < TOTAL;

function piecesOf(variants: readonly VariantDefinition[]): Pick<VariantSplit, "ends" | "owners"> {
  const pieces = variants
    .flatMap(({ ranges }, owner) => ranges.map(([, end]) => ({ end, owner })))
    .sort((a, b) => a.end - b.end);
  return { ends: pieces.map(({ end }) => end), owners: pieces.map(({ owner }) => owner) };
}
