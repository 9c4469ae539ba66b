import type { Flag } from "../api/answers.ts";
import { percentInWords } from "./amounts.ts";
import { requirementInWords, requires, targeting } from "./flag-words.ts";

/**
 * What keeps a flag from doing what its percentage, or its kill switch, seems to say: a line each, with the command
 * that changes it.
 */
export function warningsOf(flag: Flag): string[] {
  const { key, archived_at: archivedAt, enabled, rollout_pct: percent } = flag;
  if (flag.invalid !== undefined) return ["The edge holds it off: what stands in Postgres is not valid."];
  if (archivedAt !== null) return [`It is archived, and so off: \`sluice restore ${key}\` brings it back.`];
  const { employeesOnly, hasRules } = reachOf(flag);
  const needs = requires.safeParse(flag.requires).data ?? [];
  return [
    ...(enabled ? [] : [`It is off for everybody until \`sluice enable ${key}\`.`]),
    ...(employeesOnly
      ? [
          `Employees only: the percentage (${percentInWords(percent)}) ${hasRules ? "and the rules count" : "counts"} once \`sluice target ${key} --no-employees-only\` is given.`,
        ]
      : []),
    ...(!employeesOnly && percent === 0
      ? [
          `It is at 0 %: only allowed ids${hasRules ? ", and those whom a rule lets in," : ""} are in until \`sluice rollout ${key} <percent>\`.`,
        ]
      : []),
    ...(needs.length > 0
      ? [`It is off for whoever has not ${needs.map(requirementInWords).join(", ")}.`]
      : []),
  ];
}

function reachOf(flag: Flag): { readonly employeesOnly: boolean; readonly hasRules: boolean } {
  const { employees_only: employeesOnly = false, rules = [] } =
    targeting.safeParse(flag.targeting).data ?? {};
  return { employeesOnly, hasRules: rules.length > 0 };
}
