import type { Flag } from "../api/answers.ts";
import { percentInWords } from "./percent-words.ts";

/**
 * What keeps a flag from doing what its percentage, or its kill switch, seems to say: a line each, with the command
 * that changes it.
 */
export function obstaclesOf(flag: Flag): string[] {
  const { key, archived_at: archivedAt, enabled, rollout_pct: percent } = flag;
  if (flag.invalid !== undefined) return ["The edge holds it off: what stands in Postgres is not valid."];
  if (archivedAt !== null) return [`It is archived, and so off: \`sluice restore ${key}\` brings it back.`];
  const employeesOnly = isEmployeesOnly(flag);
  return [
    ...(enabled ? [] : [`It is off for everybody until \`sluice enable ${key}\`.`]),
    ...(employeesOnly
      ? [
          `Employees only: the percentage (${percentInWords(percent)}) counts once \`sluice target ${key} --no-employees-only\` is given.`,
        ]
      : []),
    ...(!employeesOnly && percent === 0
      ? [`It is at 0 %: only allowed ids are in until \`sluice rollout ${key} <percent>\`.`]
      : []),
  ];
}

function isEmployeesOnly({ targeting }: Flag): boolean {
  return (
    typeof targeting === "object" &&
    targeting !== null &&
    "employees_only" in targeting &&
    targeting.employees_only === true
  );
}
