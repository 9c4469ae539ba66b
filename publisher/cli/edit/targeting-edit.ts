import type { Flag } from "../api/answers.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { type Targeting, targeting as targetingShape } from "../words/flag-words.ts";
import type { PartChange } from "./edit-flag.ts";
import { readPart } from "./read-part.ts";

/** The edit of one `sluice target` command. */
export interface TargetingEdit {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Ids to remove from both lists. */
  readonly unlist: readonly string[];
  readonly addPlans: readonly string[];
  readonly removePlans: readonly string[];
  readonly anyPlan: boolean;
  /** Undefined: no change. */
  readonly employeesOnly: boolean | undefined;
  /** Removes all targeting first. */
  readonly clear: boolean;
  /** Moves ids that are on the other list. */
  readonly move: boolean;
}

/**
 * Applies an edit to a flag's current targeting.
 *
 * @throws CliError when an id would be on both lists, or the targeting is not valid
 */
export function editTargeting({ key, targeting }: Flag, edit: TargetingEdit): PartChange {
  if (edit.clear && !targetingShape.safeParse(targeting).success) return replaceBroken(key, targeting, edit);
  const fix = `\`sluice target ${key} --clear\` empties the targeting; add other options to fill it again`;
  const before = readPart(targetingShape, targeting, `the targeting of ${key} is not valid`, fix);
  const after = edited(key, edit.clear ? {} : before, edit);
  const changed = MEMBERS.filter((name) => !isSame(meaningOf(name, before), meaningOf(name, after)));
  const patch = Object.fromEntries(changed.map((name) => [name, after[name] ?? null]));
  return { patch: { targeting: patch }, lines: changeLines(before, after) };
}

const MEMBERS = ["allowlist", "blocklist", "plans", "employees_only", "rules"] as const;

/** Empty ids, empty rules and false mean the same as absent. An empty list of plans does not. */
function meaningOf(name: (typeof MEMBERS)[number], from: Targeting): unknown {
  const value = from[name];
  const isNothing = value === false || (name !== "plans" && Array.isArray(value) && value.length === 0);
  return isNothing ? undefined : value;
}

function edited(key: string, base: Targeting, edit: TargetingEdit): Targeting {
  const allow = new Set(edit.allow);
  const deny = new Set(edit.deny);
  const unlist = new Set(edit.unlist);
  const allowlist = base.allowlist ?? [];
  const blocklist = base.blocklist ?? [];
  if (!edit.move) {
    refuseMoves(key, "--allow", "denied", blocklist, allow);
    refuseMoves(key, "--deny", "allowed", allowlist, deny);
  }
  const stays = (id: string) => !unlist.has(id);
  const plans = editedPlans(base.plans, edit);
  const nextAllowed = [...new Set([...allowlist.filter((id) => stays(id) && !deny.has(id)), ...allow])];
  const nextDenied = [...new Set([...blocklist.filter((id) => stays(id) && !allow.has(id)), ...deny])];
  const employeesOnly = edit.employeesOnly ?? base.employees_only ?? false;
  return {
    ...(nextAllowed.length > 0 && { allowlist: nextAllowed }),
    ...(nextDenied.length > 0 && { blocklist: nextDenied }),
    ...(plans !== undefined && { plans }),
    ...(employeesOnly && { employees_only: true }),
    ...(base.rules !== undefined && { rules: base.rules }),
  };
}

/** Removing the last plan keeps an empty list, which admits nobody. No list would admit everybody. */
function editedPlans(plans: readonly string[] | undefined, edit: TargetingEdit): string[] | undefined {
  const base = edit.anyPlan ? undefined : plans;
  if (base === undefined && edit.addPlans.length === 0) return undefined;
  const removed = new Set(edit.removePlans);
  return [...new Set([...(base ?? []), ...edit.addPlans])].filter((plan) => !removed.has(plan));
}

/** Moving ids needs --move: they may be on the other list for a reason. */
function refuseMoves(
  key: string,
  option: string,
  state: string,
  other: readonly string[],
  ids: ReadonlySet<string>,
): void {
  const moving = other.filter((id) => ids.has(id));
  if (moving.length === 0) return;
  throw new CliError(EXIT.conflict, `${option} names ids that are ${state} now: ${someOf(moving)}`, {
    why: [`They are on the other list of ${key}. Nothing was changed.`],
    fix: ["add --move to move them to this list, or leave them out"],
  });
}

/** Targeting that SQL broke cannot be edited, only replaced. */
function replaceBroken(key: string, current: unknown, edit: TargetingEdit): PartChange {
  const there = typeof current === "object" && current !== null ? Object.keys(current) : [];
  const after = edited(key, {}, edit);
  return {
    patch: { targeting: { ...Object.fromEntries(there.map((name) => [name, null])), ...after } },
    lines: ["the targeting that was not valid is removed", ...changeLines({}, after)],
  };
}

function changeLines(before: Targeting, after: Targeting): string[] {
  return [
    ...listLines("allowed", before.allowlist, after.allowlist),
    ...listLines("denied", before.blocklist, after.blocklist),
    ...planLines(before.plans, after.plans),
    ...employeeLines(before.employees_only, after.employees_only),
    // `sluice rule` edits rules; here --clear removes them.
    ...((before.rules ?? []).length > 0 && after.rules === undefined ? ["rules: none"] : []),
  ];
}

function listLines(name: string, before: readonly string[] = [], after: readonly string[] = []): string[] {
  const old = new Set(before);
  const now = new Set(after);
  const added = after.filter((id) => !old.has(id));
  const removed = before.filter((id) => !now.has(id));
  if (added.length === 0 && removed.length === 0) return [];
  const changes = [
    ...(added.length > 0 ? [`+ ${someOf(added)}`] : []),
    ...(removed.length > 0 ? [`- ${someOf(removed)}`] : []),
  ];
  return [`${name}: ${changes.join(", ")} (${after.length} in all)`];
}

function planLines(before: readonly string[] | undefined, after: readonly string[] | undefined): string[] {
  if (isSame(before, after)) return [];
  if (after === undefined) return ["plans: any"];
  if (after.length === 0)
    return ["plans: none, so only allowed ids get the flag (--any-plan removes the limit)"];
  return [`plans: ${after.map((plan) => visible(plan, 40)).join(", ")}`];
}

function employeeLines(before: boolean | undefined, after: boolean | undefined): string[] {
  if ((before ?? false) === (after ?? false)) return [];
  return [after === true ? "employees only: yes, all employees at any percentage" : "employees only: no"];
}

/** A few of many ids. */
function someOf(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).map((id) => visible(id, 60));
  return ids.length > shown.length
    ? `${shown.join(", ")} and ${ids.length - shown.length} more`
    : shown.join(", ");
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
