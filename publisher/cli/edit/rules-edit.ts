import { jsonEquals } from "../../../shared/condition/json-equals.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { type Rule, ruleInWords, targeting } from "../words/flag-words.ts";
import { similarNames } from "../words/similar-names.ts";

/** A flag as far as its rules go. */
export interface RuledFlag {
  readonly key: string;
  readonly targeting: unknown;
}

/** The rules to send, and what to say of them. */
export interface RulesChange {
  readonly rules: readonly Rule[];
  readonly lines: readonly string[];
}

/** What a rule may lead to; one of them. */
export type Outcome =
  | { readonly rollout_pct: number }
  | { readonly variant: string }
  | { readonly off: true };

/** A new rule. */
export interface NewRule {
  /** Undefined: the first free one of rule-1, rule-2, … */
  readonly id: string | undefined;
  readonly if: Rule["if"];
  readonly outcome: Outcome;
  readonly bucketBy: string | undefined;
  readonly description: string | undefined;
  readonly place: Place;
}

/** What changes of a rule; what is not there stays. */
export interface RuleWishes {
  readonly if?: Rule["if"];
  readonly outcome?: Outcome;
  /** Null puts the flag's own back. */
  readonly bucketBy?: string | null;
  /** The empty text takes it away. */
  readonly description?: string;
}

/** @throws CliError when plain SQL, or a newer publisher, put in what cannot be edited */
export function readRules(flag: RuledFlag): readonly Rule[] {
  const parsed = targeting.safeParse(flag.targeting);
  if (parsed.success) return parsed.data.rules ?? [];
  throw new CliError(EXIT.conflict, `the targeting of ${flag.key} is not valid as it is`, {
    why: ["Plain SQL, or a newer publisher, put something in that this command does not know."],
    mend: [`\`sluice target ${flag.key} --clear\` empties it, rules too`],
  });
}

export function insertRule(flag: RuledFlag, wishes: NewRule): RulesChange {
  const rules = readRules(flag);
  const id = wishes.id ?? freeId(rules);
  if (rules.some((rule) => rule.id === id)) {
    throw new CliError(EXIT.conflict, `${flag.key} has a rule ${visible(id, 64)} already`, {
      mend: [`\`sluice rule set ${flag.key} ${visible(id, 64)}\` changes it; or choose another --id`],
    });
  }
  const rule: Rule = {
    id,
    ...(wishes.description !== undefined && { description: wishes.description }),
    if: wishes.if,
    ...wishes.outcome,
    ...(wishes.bucketBy !== undefined && { bucket_by: wishes.bucketBy }),
  };
  const after = insertAt(rules, rule, wishes.place, (missing) => noSuchRule(flag, rules, missing));
  return { rules: after, lines: [`+ ${placeInWords(after, id)}: ${ruleInWords(rule)}`] };
}

/** @returns no lines when the rule is like that already */
export function setRule(flag: RuledFlag, id: string, wishes: RuleWishes): RulesChange {
  const rules = readRules(flag);
  const index = rules.findIndex((rule) => rule.id === id);
  const before = rules[index];
  if (before === undefined) throw noSuchRule(flag, rules, id);
  const after = changed(before, wishes);
  if (jsonEquals(before, after)) return { rules, lines: [] };
  const inWords = ruleInWords(after);
  return {
    rules: rules.with(index, after),
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

export function removeRules(flag: RuledFlag, ids: readonly string[]): RulesChange {
  const rules = readRules(flag);
  const missing = ids.find((id) => !rules.some((rule) => rule.id === id));
  if (missing !== undefined) throw noSuchRule(flag, rules, missing);
  const gone = rules.filter(({ id }) => ids.includes(id));
  return {
    rules: rules.filter(({ id }) => !ids.includes(id)),
    lines: gone.map((rule) => `- ${visible(rule.id, 64)}: ${ruleInWords(rule)}`),
  };
}

/** @returns no lines when the rule stands there already */
export function moveRule(flag: RuledFlag, id: string, place: Place): RulesChange {
  const rules = readRules(flag);
  const rule = rules.find((candidate) => candidate.id === id);
  if (rule === undefined) throw noSuchRule(flag, rules, id);
  const others = rules.filter((candidate) => candidate !== rule);
  const after = insertAt(others, rule, place, (missing) => noSuchRule(flag, rules, missing));
  const isSame = after.every((candidate, index) => candidate === rules[index]);
  return { rules: after, lines: isSame ? [] : [`${placeInWords(after, id)}: ${ruleInWords(rule)}`] };
}

function placeInWords(rules: readonly Rule[], id: string): string {
  return `${visible(id, 64)} (${rules.findIndex((rule) => rule.id === id) + 1} of ${rules.length})`;
}

function freeId(rules: readonly Rule[]): string {
  const taken = new Set(rules.map(({ id }) => id));
  let number = 1;
  while (taken.has(`rule-${number}`)) number++;
  return `rule-${number}`;
}

function noSuchRule({ key }: RuledFlag, rules: readonly Rule[], id: string): CliError {
  const ids = rules.map((rule) => visible(rule.id, 64));
  const similar = similarNames(
    id,
    rules.map((rule) => rule.id),
  );
  return new CliError(EXIT.notFound, `${key} has no rule ${visible(id, 64)}`, {
    why: [ids.length === 0 ? "It has no rules at all." : `Its rules are ${ids.join(", ")}.`],
    mend: [
      ...(similar.length > 0
        ? [`did you mean ${similar.map((name) => visible(name, 64)).join(" or ")}?`]
        : []),
      `\`sluice rule list ${key}\` shows them`,
    ],
  });
}

/** Where a rule is to stand: rules are asked in order, and the first that matches decides. */
export type Place =
  | { readonly at: "first" | "last" }
  | { readonly at: "before" | "after"; readonly id: string };

/** The options that name a place. */
export interface PlaceOptions {
  readonly first?: boolean;
  readonly last?: boolean;
  readonly before?: string;
  readonly after?: string;
}

/**
 * The one place that options name.
 *
 * @returns undefined when they name none
 * @throws CliError when they name several
 */
export function placeOf({ first, last, before, after }: PlaceOptions): Place | undefined {
  const places: readonly Place[] = [
    ...(first === true ? [{ at: "first" } as const] : []),
    ...(last === true ? [{ at: "last" } as const] : []),
    ...(before === undefined ? [] : [{ at: "before", id: before } as const]),
    ...(after === undefined ? [] : [{ at: "after", id: after } as const]),
  ];
  if (places.length <= 1) return places[0];
  throw new CliError(EXIT.usage, `${places.map(({ at }) => `--${at}`).join(" and ")} name different places`, {
    mend: ["choose one of them"],
  });
}

/** Puts an item at a place among others, which it is not one of. */
export function insertAt<Item extends { readonly id: string }>(
  items: readonly Item[],
  item: Item,
  place: Place,
  missing: (id: string) => CliError,
): readonly Item[] {
  if (!("id" in place)) return place.at === "first" ? [item, ...items] : [...items, item];
  if (place.id === item.id) {
    throw new CliError(EXIT.usage, `--${place.at} ${visible(place.id, 64)} names the rule itself`, {
      mend: ["name another one"],
    });
  }
  const index = items.findIndex(({ id }) => id === place.id);
  if (index === -1) throw missing(place.id);
  return items.toSpliced(place.at === "before" ? index : index + 1, 0, item);
}
