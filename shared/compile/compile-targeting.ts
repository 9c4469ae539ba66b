import { judgeRuleVariants, takeRules, type RuleDefinition } from "./compile-rules.ts";
import type { Segments } from "./compile-segments.ts";
import { fault, faultWithin, type Fault } from "../flag/fault.ts";
import type { Targeting } from "../flag/flag.ts";
import { takeMembers, type Member, type Members } from "../flag/members.ts";

/** Checked targeting: sets instead of lists, functions instead of conditions. */
export interface TargetingDefinition {
  readonly allowlist: ReadonlySet<string>;
  readonly blocklist: ReadonlySet<string>;
  readonly plans?: ReadonlySet<string>;
  readonly employeesOnly: boolean;
  readonly rules: readonly RuleDefinition[];
}

const NOBODY: ReadonlySet<string> = new Set();

/** Targeting without any restriction. */
export const NO_TARGETING: TargetingDefinition = {
  allowlist: NOBODY,
  blocklist: NOBODY,
  employeesOnly: false,
  rules: [],
};

interface Draft {
  readonly segments: Segments;
  allowlist: ReadonlySet<string>;
  blocklist: ReadonlySet<string>;
  plans?: ReadonlySet<string>;
  employeesOnly: boolean;
  readonly rules: RuleDefinition[];
}

/** Reads a member that is a list of strings. */
const listOf =
  (name: "allowlist" | "blocklist" | "plans"): Member<Draft> =>
  (value, into) => {
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string" && item !== "")) {
      return fault("must be an array of non-empty strings");
    }
    into[name] = new Set<string>(value);
    return undefined;
  };

const MEMBERS: Members<Draft, Targeting> = {
  allowlist: listOf("allowlist"),
  blocklist: listOf("blocklist"),
  plans: listOf("plans"),
  employees_only: (value, into) => {
    if (typeof value !== "boolean") return fault("must be true or false");
    into.employeesOnly = value;
    return undefined;
  },
  rules: (value, { segments, rules }) => takeRules(value, segments, rules),
};

/** Reads a flag's targeting, or returns its fault. `variantKeys` are the keys of the flag's variants. */
export function compileTargeting(
  value: unknown,
  variantKeys: ReadonlySet<string>,
  segments: Segments,
): { readonly targeting: TargetingDefinition } | { readonly fault: Fault } {
  const draft: Draft = {
    segments,
    allowlist: NOBODY,
    blocklist: NOBODY,
    employeesOnly: false,
    rules: [],
  };
  const found = takeMembers(value, MEMBERS, draft);
  if (found !== undefined) return { fault: found };
  for (const id of draft.allowlist) {
    if (draft.blocklist.has(id)) return { fault: fault("an id is on both allowlist and blocklist") };
  }
  const unknownVariant = judgeRuleVariants(draft.rules, variantKeys);
  if (unknownVariant !== undefined) return { fault: faultWithin(unknownVariant, "rules") };
  const { segments: _, ...targeting } = draft;
  return { targeting };
}

/**
 * Checks targeting exactly as the edge does.
 *
 * @param variantKeys the keys of the flag's variants, for rules that name one
 * @param segments from `compileSegments`
 */
export function judgeTargeting(
  value: unknown,
  variantKeys: ReadonlySet<string>,
  segments: Segments,
): Fault | undefined {
  const compiled = compileTargeting(value, variantKeys, segments);
  return "fault" in compiled ? compiled.fault : undefined;
}
