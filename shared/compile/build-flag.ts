import type { FlagDefinition } from "./compile-flag.ts";
import type { RuleDefinition } from "./compile-rules.ts";
import type { VariantDefinition } from "./compile-variants.ts";
import type { CompiledFlag, CompiledRule, Draw, Share } from "./compiled.ts";
import { encodeMember } from "../flag/flag-member.ts";
import { decisionFailed, decisionOff, decisionOn, isDrawn, type Origin, waysIn } from "./outcome.ts";
import { TOTAL } from "../bucketing/bucket.ts";
import type { Reason } from "../flag/reason.ts";
import { NO_SLOT, variantSalt, type Slots } from "../bucketing/slots.ts";

/**
 * Works out everything of a flag that no request changes: decisions, what is hashed, what stands in the header.
 *
 * @param positions of all flags of the snapshot
 * @param slots takes what this flag needs hashed
 */
export function buildFlag(
  flag: FlagDefinition,
  positions: ReadonlyMap<string, number>,
  slots: Slots,
): CompiledFlag {
  const { targeting, variants, bucketBy, basisPoints } = flag;
  const { rules: ruleDefinitions, ...lists } = targeting;
  const on = waysIn(variants);
  // Nobody gets as far as the shares of a flag that is off, or for employees alone: no hashing for them.
  const shareSlots = flag.enabled && !targeting.employeesOnly ? slots : undefined;
  const shareOf = (basisPoints: number, bucketBy: string, reasons: ShareReasons, origin: Origin): Share => ({
    basisPoints,
    bucketBy,
    slot: isSplit(basisPoints) ? (shareSlots?.add(flag.salt, bucketBy) ?? NO_SLOT) : NO_SLOT,
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
    { nobody: "DEFAULT", everybody: isDrawn(variants) ? "SPLIT" : "STATIC" },
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
    ...(isDrawn(variants) && {
      draw: {
        bucketBy,
        // Also at 0 %: a test override lets people in who then have a variant as everybody has.
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

/** Of a boolean flag: the same for all, since an empty map is not small. */
const NO_MEMBERS: CompiledFlag["headerMembers"] = new Map();

/** The reasons at 0 % and at 100 %. */
interface ShareReasons {
  readonly nobody: Reason;
  readonly everybody: Reason;
}

const RULE_REASONS: ShareReasons = { nobody: "TARGETING_MATCH", everybody: "TARGETING_MATCH" };

const isSplit = (basisPoints: number): boolean => basisPoints > 0 && basisPoints < TOTAL;

function piecesOf(variants: readonly VariantDefinition[]): Pick<Draw, "ends" | "owners"> {
  const pieces = variants
    .flatMap(({ ranges }, owner) => ranges.map(([, end]) => ({ end, owner })))
    .sort((a, b) => a.end - b.end);
  return { ends: pieces.map(({ end }) => end), owners: pieces.map(({ owner }) => owner) };
}
