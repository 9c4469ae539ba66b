import { LAST_CODE_UNIT, holds, unite, type CodeUnits } from "./code-units.ts";

const FIRST_NON_ASCII = 0x80;

/** The units beyond ASCII that are the same without their case, in groups of two or more; made when first needed. */
let caseGroups: readonly (readonly number[])[] | undefined;

/** Everything that is the same as a member of the set when case is ignored, as `RegExp` with `i` and without `u` has it. */
export function ignoringCase(set: CodeUnits): CodeUnits {
  const added: number[] = [];
  // No unit beyond ASCII has an ASCII one as its other case here, nor the other way round.
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    const lower = upper + 0x20;
    if (holds(set, upper) !== holds(set, lower)) added.push(upper, upper, lower, lower);
  }
  if (!isTrivialBeyondAscii(set)) {
    caseGroups ??= groupByCase();
    for (const group of caseGroups) {
      if (group.some((unit) => holds(set, unit))) added.push(...group.flatMap((unit) => [unit, unit]));
    }
  }
  return added.length === 0 ? set : unite(set, added);
}

/** Whether a set has none or all of what is beyond ASCII, so that no case can add to it. */
function isTrivialBeyondAscii(set: CodeUnits): boolean {
  const [from, to] = [set.at(-2) ?? 0, set.at(-1) ?? 0];
  return to < FIRST_NON_ASCII || (from <= FIRST_NON_ASCII && to === LAST_CODE_UNIT);
}

function groupByCase(): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>();
  for (let unit = FIRST_NON_ASCII; unit <= LAST_CODE_UNIT; unit++) {
    const upper = canonical(unit);
    const group = groups.get(upper);
    if (group === undefined) groups.set(upper, [unit]);
    else group.push(unit);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** ECMAScript's Canonicalize for `i` without `u` (section 22.2.2.7.3). */
function canonical(unit: number): number {
  const upper = String.fromCharCode(unit).toUpperCase();
  if (upper.length !== 1) return unit;
  const mapped = upper.charCodeAt(0);
  return mapped < FIRST_NON_ASCII ? unit : mapped;
}
