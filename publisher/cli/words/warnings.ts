import type { Flag } from "../api/answers.ts";
import { percentInWords } from "./amounts.ts";
import { requirementInWords, requires, targeting } from "./flag-words.ts";

/**
 * Reasons why a flag reaches fewer users than its percentage suggests, one line each, with the command to change that.
 */
export function warningsOf(flag: Flag): string[] {
  const { key, archived_at: archivedAt, enabled, rollout_pct: percent } = flag;
  if (flag.invalid !== undefined)
    return ["The flag is off at the edge, because it is not valid in Postgres."];
  if (archivedAt !== null) return [`It is archived, and so off: \`sluice restore ${key}\` restores it.`];
  const { employeesOnly, hasRules } = reachOf(flag);
  const needs = requires.safeParse(flag.requires).data ?? [];
  return [
    ...(enabled ? [] : [`It is off for everybody until \`sluice enable ${key}\`.`]),
    ...(employeesOnly
      ? [
          `Employees only: the percentage (${percentInWords(percent)}) ${hasRules ? "and the rules are" : "is"} ignored until \`sluice target ${key} --no-employees-only\`.`,
        ]
      : []),
    ...(!employeesOnly && percent === 0
      ? [
          `It is at 0 %: only allowed ids${hasRules ? " and users that a rule includes" : ""} get it until \`sluice rollout ${key} <percent>\`.`,
        ]
      : []),
    ...(needs.length > 0 ? [`It is off for users without ${needs.map(requirementInWords).join(", ")}.`] : []),
  ];
}

function reachOf(flag: Flag): { readonly employeesOnly: boolean; readonly hasRules: boolean } {
  const { employees_only: employeesOnly = false, rules = [] } =
    targeting.safeParse(flag.targeting).data ?? {};
  return { employeesOnly, hasRules: rules.length > 0 };
}
