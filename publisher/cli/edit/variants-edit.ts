import { jsonEquals } from "../../../shared/condition/json-equals.ts";
import type { Flag } from "../api/answers.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { percentInWords } from "../words/amounts.ts";
import { targeting } from "../words/flag-words.ts";
import { movedShare, shareOf, type Variant, variants as variantsShape } from "../words/variant-words.ts";
import type { PartChange } from "./edit-flag.ts";
import { readPart } from "./read-part.ts";

/** The edit of one `sluice variant set` command; everything else stays the same. */
export interface VariantsEdit {
  readonly weights: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, unknown>;
  readonly withoutValue: readonly string[];
}

export function readVariants({ key, variants }: Flag): readonly Variant[] {
  return readPart(variantsShape, variants, `the variants of ${key} are not valid`);
}

export function setVariants(flag: Flag, edit: VariantsEdit): PartChange {
  const before = readVariants(flag);
  const known = new Set([...before.map(({ key }) => key), ...edit.weights.keys()]);
  for (const key of [...edit.values.keys(), ...edit.withoutValue]) {
    if (!known.has(key)) throw noSuchVariant(flag, before, key);
  }
  const old = before.map((variant) => edited(variant, edit));
  const added = [...edit.weights.keys()]
    .filter((key) => !before.some((variant) => variant.key === key))
    .map((key) => edited({ key, weight: 0 }, edit));
  return changeOf(before, [...old, ...added]);
}

function edited(variant: Variant, { weights, values, withoutValue }: VariantsEdit): Variant {
  const { key } = variant;
  const { value: _value, ...bare } = variant;
  return {
    ...(withoutValue.includes(key) ? bare : variant),
    weight: weights.get(key) ?? variant.weight,
    ...(values.has(key) && { value: values.get(key) }),
  };
}

export function removeVariants(flag: Flag, keys: readonly string[]): PartChange {
  const before = readVariants(flag);
  const missing = keys.find((key) => !before.some((variant) => variant.key === key));
  if (missing !== undefined) throw noSuchVariant(flag, before, missing);
  checkNotGiven(flag, keys);
  return changeOf(
    before,
    before.filter(({ key }) => !keys.includes(key)),
  );
}

/** Ignores rules that are not valid: the API reports them. */
function checkNotGiven({ key, targeting: given }: Flag, removed: readonly string[]): void {
  const rules = targeting.safeParse(given).data?.rules ?? [];
  const giving = rules.filter(({ variant }) => variant !== undefined && removed.includes(variant));
  const [first] = giving;
  if (first === undefined) return;
  const each = giving.map(
    ({ id, variant = "" }) => `the rule ${visible(id, 64)} uses ${visible(variant, 64)}`,
  );
  const what = giving.length === 1 ? "change the rule first" : "change these rules first";
  throw new CliError(EXIT.conflict, `${each.join(", ")}: ${what}`, {
    fix: [
      `\`sluice rule set ${key} ${visible(first.id, 64)}\` changes --variant or --rollout; \`sluice rule remove\` removes a rule`,
    ],
  });
}

function changeOf(before: readonly Variant[], after: readonly Variant[]): PartChange {
  if (jsonEquals(before, after)) return { patch: {}, lines: [] };
  const keys = [...new Set([...before, ...after].map(({ key }) => key))];
  const moved = movedShare(before, after);
  return {
    patch: { variants: after },
    lines: [
      ...keys.flatMap((key) => changeLine(key, before, after)),
      ...(after.length === 0 ? ["without variants the flag is boolean: on or off"] : []),
      ...(moved === undefined || moved === 0
        ? []
        : [`${percentInWords(moved)} of the users who have the flag change their variant; nobody else does`]),
    ],
  };
}

function changeLine(key: string, before: readonly Variant[], after: readonly Variant[]): readonly string[] {
  const name = visible(key, 64);
  const was = before.find((variant) => variant.key === key);
  const is = after.find((variant) => variant.key === key);
  if (is === undefined) return [`- ${name}`];
  const share = percentInWords(shareOf(key, after));
  if (was === undefined) return [`+ ${name}: weight ${is.weight}, ${share}`];
  const shareBefore = percentInWords(shareOf(key, before));
  return [
    ...(was.weight === is.weight && share === shareBefore
      ? []
      : [`${name}: ${weightInWords(was, is)}${shareBefore} -> ${share}`]),
    ...(isSameValue(was, is) ? [] : [`${name}: ${is.value === undefined ? "no value" : "new value"}`]),
  ];
}

/** Other weights change a share too. */
function weightInWords(was: Variant, is: Variant): string {
  return was.weight === is.weight ? "" : `weight ${was.weight} -> ${is.weight}, `;
}

/** A value of null is not the same as no value. */
function isSameValue(one: Variant, other: Variant): boolean {
  if (one.value === undefined || other.value === undefined) return one.value === other.value;
  return jsonEquals(one.value, other.value);
}

/** @param fix the advice for the user */
export function noSuchVariant(
  { key }: Flag,
  variants: readonly Variant[],
  missing: string,
  fix = [`\`sluice variant set ${key} ${visible(missing, 64)}=1\` adds it`],
): CliError {
  const keys = variants.map((variant) => visible(variant.key, 64)).join(", ");
  return new CliError(EXIT.notFound, `${key} has no variant ${visible(missing, 64)}`, {
    why: [keys === "" ? "The flag has no variants: it is on or off." : `Its variants are ${keys}.`],
    fix,
  });
}
