import { LAST_CODE_UNIT, WORD, holds, type CodeUnits } from "./code-units.ts";

/** Units that no set of a pattern tells apart, as letters: few, where there are 65,536 units. */
export interface Alphabet {
  /** How many letters there are. */
  readonly size: number;
  /** By letter: whether its units are word characters. */
  readonly isWord: readonly boolean[];
  readonly letterOf: (unit: number) => number;
  /** The letters of a set that the alphabet was made for, ascending. */
  readonly lettersOf: (units: CodeUnits) => readonly number[];
}

/** Units below this one are looked up directly, others are searched for. */
const DIRECT = 256;

export function alphabetOf(sets: Iterable<CodeUnits>): Alphabet {
  const starts = new Set([0]);
  for (const set of [WORD, ...sets]) {
    // Ranges alternate with the gaps between them: each begins where the other ends.
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

/** The last beginning that is not above the unit. */
function search(beginnings: Uint16Array, unit: number): number {
  let [low, high] = [0, beginnings.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((beginnings[middle] ?? 0) <= unit) low = middle;
    else high = middle - 1;
  }
  return low;
}
