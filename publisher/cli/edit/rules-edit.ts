import { jsonEquals } from "../../../shared/condition/json-equals.ts";
import type { Flag } from "../api/answers.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { type Rule, ruleInWords, targeting as targetingShape } from "../words/flag-words.ts";
import { didYouMean } from "../words/similar-names.ts";
import type { PartChange } from "./edit-flag.ts";
import { readPart } from "./read-part.ts";

/** The result of a rule. */
export type Outcome =
  | { readonly rollout_pct: number }
  | { readonly variant: string }
  | { readonly off: true };

/** A new rule. */
export interface NewRule {
  /** Undefined: the first free name of rule-1, rule-2, … */
  readonly id: string | undefined;
  readonly if: Rule["if"];
  readonly outcome: Outcome;
  readonly bucketBy: string | undefined;
  readonly description: string | undefined;
  readonly position: Position;
}

/** Changes of a rule; absent members stay the same. */
export interface RuleWishes {
  readonly if?: Rule["if"];
  readonly outcome?: Outcome;
  /** Null: the flag's own attribute. */
  readonly bucketBy?: string | null;
  /** The empty text removes it. */
  readonly description?: string;
}

export function readRules({ key, targeting }: Flag): readonly Rule[] {
  const fix = `\`sluice target ${key} --clear\` empties the targeting and the rules`;
  return readPart(targetingShape, targeting, `the targeting of ${key} is not valid`, fix).rules ?? [];
}

export function insertRule(flag: Flag, wishes: NewRule): PartChange {
  const rules = readRules(flag);
  const id = wishes.id ?? freeId(rules);
  if (rules.some((rule) => rule.id === id)) {
    throw new CliError(EXIT.conflict, `${flag.key} has a rule ${visible(id, 64)} already`, {
      fix: [`\`sluice rule set ${flag.key} ${visible(id, 64)}\` changes it; or use another --id`],
    });
  }
  const rule: Rule = {
    id,
    ...(wishes.description !== undefined && { description: wishes.description }),
    if: wishes.if,
    ...wishes.outcome,
    ...(wishes.bucketBy !== undefined && { bucket_by: wishes.bucketBy }),
  };
  const after = insertAt(rules, rule, wishes.position, (missing) => noSuchRule(flag, rules, missing));
  return { patch: toPatch(after), lines: [`+ ${positionInWords(after, id)}: ${ruleInWords(rule)}`] };
}

/** @returns no lines when nothing changes */
export function setRule(flag: Flag, id: string, wishes: RuleWishes): PartChange {
  const rules = readRules(flag);
  const index = rules.findIndex((rule) => rule.id === id);
  const before = rules[index];
  if (before === undefined) throw noSuchRule(flag, rules, id);
  const after = changed(before, wishes);
  if (jsonEquals(before, after)) return { patch: {}, lines: [] };
  const inWords = ruleInWords(after);
  return {
    patch: toPatch(rules.with(index, after)),
    lines: [
      ...(inWords === ruleInWords(before) ? [] : [`${visible(id, 64)}: ${ruleInWords(before)}`]),
      `${visible(id, 64)} now: ${inWords}`,
    ],
  };
}

function changed(rule: Rule, { if: condition, outcome, bucketBy, description }: RuleWishes): Rule {
  const replaced = new Set([
    ...(outcome === undefined ? [] : ["rollout_pct", "variant", "off"]),
    ...(bucketBy === undefined ? [] : ["bucket_by"]),
    ...(description === undefined ? [] : ["description"]),
  ]);
  const kept = Object.fromEntries(Object.entries(rule).filter(([name]) => !replaced.has(name)));
  return {
    ...kept,
    id: rule.id,
    if: condition ?? rule.if,
    ...outcome,
    ...(typeof bucketBy === "string" && { bucket_by: bucketBy }),
    ...(description !== undefined && description !== "" && { description }),
  };
}

export function removeRules(flag: Flag, ids: readonly string[]): PartChange {
  const rules = readRules(flag);
  const missing = ids.find((id) => !rules.some((rule) => rule.id === id));
  if (missing !== undefined) throw noSuchRule(flag, rules, missing);
  const gone = rules.filter(({ id }) => ids.includes(id));
  return {
    patch: toPatch(rules.filter(({ id }) => !ids.includes(id))),
    lines: gone.map((rule) => `- ${visible(rule.id, 64)}: ${ruleInWords(rule)}`),
  };
}

/** @returns no lines when nothing changes */
export function moveRule(flag: Flag, id: string, position: Position): PartChange {
  const rules = readRules(flag);
  const rule = rules.find((candidate) => candidate.id === id);
  if (rule === undefined) throw noSuchRule(flag, rules, id);
  const others = rules.filter((candidate) => candidate !== rule);
  const after = insertAt(others, rule, position, (missing) => noSuchRule(flag, rules, missing));
  const isSame = after.every((candidate, index) => candidate === rules[index]);
  return {
    patch: toPatch(after),
    lines: isSame ? [] : [`${positionInWords(after, id)}: ${ruleInWords(rule)}`],
  };
}

function toPatch(rules: readonly Rule[]): PartChange["patch"] {
  return { targeting: { rules: rules.length > 0 ? rules : null } };
}

function positionInWords(rules: readonly Rule[], id: string): string {
  return `${visible(id, 64)} (${rules.findIndex((rule) => rule.id === id) + 1} of ${rules.length})`;
}

function freeId(rules: readonly Rule[]): string {
  const taken = new Set(rules.map(({ id }) => id));
  let number = 1;
  while (taken.has(`rule-${number}`)) number++;
  return `rule-${number}`;
}

function noSuchRule({ key }: Flag, rules: readonly Rule[], id: string): CliError {
  const ids = rules.map((rule) => rule.id);
  return new CliError(EXIT.notFound, `${key} has no rule ${visible(id, 64)}`, {
    why: [
      ids.length === 0
        ? "The flag has no rules."
        : `Its rules are ${ids.map((name) => visible(name, 64)).join(", ")}.`,
    ],
    fix: [...didYouMean(id, ids), `\`sluice rule list ${key}\` shows them`],
  });
}

/** The position of a rule. Rules are checked in order, and the first match decides. */
export type Position =
  | { readonly at: "first" | "last" }
  | { readonly at: "before" | "after"; readonly id: string };

/** The options for a position. */
export interface PositionOptions {
  readonly first?: boolean;
  readonly last?: boolean;
  readonly before?: string;
  readonly after?: string;
}

/**
 * The position in the options.
 *
 * @returns undefined when there is none
 * @throws CliError when there are several
 */
export function positionOf({ first, last, before, after }: PositionOptions): Position | undefined {
  const places: readonly Position[] = [
    ...(first === true ? [{ at: "first" } as const] : []),
    ...(last === true ? [{ at: "last" } as const] : []),
    ...(before === undefined ? [] : [{ at: "before", id: before } as const]),
    ...(after === undefined ? [] : [{ at: "after", id: after } as const]),
  ];
  if (places.length <= 1) return places[0];
  throw new CliError(
    EXIT.usage,
    `${places.map(({ at }) => `--${at}`).join(" and ")} name different positions`,
    {
      fix: ["choose one of them"],
    },
  );
}

/** Inserts a new item at a position. */
export function insertAt<Item extends { readonly id: string }>(
  items: readonly Item[],
  item: Item,
  position: Position,
  missing: (id: string) => CliError,
): readonly Item[] {
  if (!("id" in position)) return position.at === "first" ? [item, ...items] : [...items, item];
  if (position.id === item.id) {
    throw new CliError(EXIT.usage, `--${position.at} ${visible(position.id, 64)} is the rule itself`, {
      fix: ["name another rule"],
    });
  }
  const index = items.findIndex(({ id }) => id === position.id);
  if (index === -1) throw missing(position.id);
  return items.toSpliced(position.at === "before" ? index : index + 1, 0, item);
}
