/** A set of UTF-16 code units: pairs of first and last unit, ascending, never adjacent. */
export type CodeUnits = readonly number[];

export const LAST_CODE_UNIT = 0xffff;

/** Merges sets into one. */
export function unite(...sets: readonly CodeUnits[]): CodeUnits {
  const [only] = sets;
  if (only !== undefined && sets.length === 1) return only;
  const ranges: (readonly [from: number, to: number])[] = [];
  for (const set of sets) {
    for (let index = 0; index < set.length; index += 2) ranges.push([set[index] ?? 0, set[index + 1] ?? 0]);
  }
  ranges.sort((one, other) => one[0] - other[0]);
  const united: number[] = [];
  for (const [from, to] of ranges) {
    const last = united.at(-1);
    if (last !== undefined && from <= last + 1) united[united.length - 1] = Math.max(last, to);
    else united.push(from, to);
  }
  return united;
}

export function complement(set: CodeUnits): CodeUnits {
  const rest: number[] = [];
  let next = 0;
  for (let index = 0; index < set.length; index += 2) {
    const from = set[index] ?? 0;
    if (from > next) rest.push(next, from - 1);
    next = (set[index + 1] ?? 0) + 1;
  }
  if (next <= LAST_CODE_UNIT) rest.push(next, LAST_CODE_UNIT);
  return rest;
}

export function holds(set: CodeUnits, unit: number): boolean {
  let [low, high] = [0, set.length / 2 - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (unit < (set[middle * 2] ?? 0)) high = middle - 1;
    else if (unit > (set[middle * 2 + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}

/** `\d`. */
export const DIGITS: CodeUnits = [0x30, 0x39];

/** `\w`, which also defines `\b`. */
export const WORD: CodeUnits = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];

/** `\s`: ECMAScript's WhiteSpace and LineTerminator. */
export const SPACE: CodeUnits = unite(
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
);

/** `.`: everything except line terminators. */
export const DOT: CodeUnits = complement([0x0a, 0x0a, 0x0d, 0x0d, 0x2028, 0x2029]);

const FIRST_NON_ASCII = 0x80;

/** Groups of two or more units beyond ASCII that are equal without case. Computed on first use. */
let caseGroups: readonly (readonly number[])[] | undefined;

/** Adds all units that equal a member of the set without case, as for `RegExp` with `i` and without `u`. */
export function ignoringCase(set: CodeUnits): CodeUnits {
  const added: number[] = [];
  // Without `u`, no unit beyond ASCII equals an ASCII unit.
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

/** Whether a set has no unit beyond ASCII, or all of them. Then ignoring case adds nothing there. */
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
