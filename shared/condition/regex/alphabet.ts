import { LAST_CODE_UNIT, WORD, holds, type CodeUnits } from "./code-units.ts";

/**
 * Groups the 65,536 code units into a few letters. All units of a letter are in the same sets of the pattern, so the matcher
 * can treat them alike.
 */
export interface Alphabet {
  /** The number of letters. */
  readonly size: number;
  /** By letter: whether its units are word characters. */
  readonly isWord: readonly boolean[];
  readonly letterOf: (unit: number) => number;
  /** The letters of one of the pattern's sets, ascending. */
  readonly lettersOf: (units: CodeUnits) => readonly number[];
}

/** Units below this one are looked up in a table, others by binary search. */
const DIRECT = 256;

export function alphabetOf(sets: Iterable<CodeUnits>): Alphabet {
  const starts = new Set([0]);
  for (const set of [WORD, ...sets]) {
    // A letter begins at every start of a range, and directly after every end of one.
    for (const [index, unit] of set.entries()) {
      const start = index % 2 === 0 ? unit : unit + 1;
      if (start <= LAST_CODE_UNIT) starts.add(start);
    }
  }
  const beginnings = Uint16Array.from(starts).sort();
  const direct = new Uint16Array(DIRECT);
  for (const [letter, beginning] of beginnings.entries()) direct.fill(letter, beginning);

  return {
    size: beginnings.length,
    isWord: Array.from(beginnings, (unit) => holds(WORD, unit)),
    letterOf: (unit) => (unit < DIRECT ? (direct[unit] ?? 0) : search(beginnings, unit)),
    lettersOf: (units) => {
      const letters: number[] = [];
      for (let index = 0; index < units.length; index += 2) {
        const last = search(beginnings, units[index + 1] ?? 0);
        for (let letter = search(beginnings, units[index] ?? 0); letter <= last; letter++)
          letters.push(letter);
      }
      return letters;
    },
  };
}

/** The index of the last beginning that is not above the unit. */
function search(beginnings: Uint16Array, unit: number): number {
  let [low, high] = [0, beginnings.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((beginnings[middle] ?? 0) <= unit) low = middle;
    else high = middle - 1;
  }
  return low;
}
