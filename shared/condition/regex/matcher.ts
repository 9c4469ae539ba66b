import type { Alphabet } from "./alphabet.ts";
import { BOUNDARY_COUNT, EDGE, IN_WORD, NO_WORD, boundary } from "./boundary.ts";
import type { PositionAutomaton } from "./position-automaton.ts";

/** The steps that are allowed at one kind of boundary. Rows are bit sets of positions, `words` numbers each. */
interface Table {
  /** Whether the empty text is a match here. */
  readonly empty: boolean;
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** A row for each position. */
  readonly follow: Int32Array;
}

const BITS = 32;

/**
 * Returns the function that tests a text. One bit set holds every position that a match could have reached, and advances
 * once per character. There is no backtracking: a character costs at most positions * words operations, which is 2,048.
 */
export function matcher(automaton: PositionAutomaton, alphabet: Alphabet): (text: string) => boolean {
  const words = Math.max(1, Math.ceil(automaton.positions.length / BITS));
  const letters = letterRows(automaton, alphabet, words);
  const tables = boundaryTables(automaton, words);
  const sides = Uint8Array.from(alphabet.isWord, (isWord) => (isWord ? IN_WORD : NO_WORD));
  // If a match can only begin at the start of the text, an empty set of positions ends the search.
  const beginsAnywhere = tables.some(
    (table, kind) =>
      kind >= boundary(IN_WORD, EDGE) && (table.empty || table.first.some((positions) => positions !== 0)),
  );
  // Shared by all calls: a call is synchronous, so no two overlap.
  const [even, odd] = [new Int32Array(words), new Int32Array(words)];

  return (text) => {
    let [reached, next] = [even.fill(0), odd];
    let before = EDGE;
    for (let index = 0; ; index++) {
      const atEnd = index === text.length;
      const letter = atEnd ? 0 : alphabet.letterOf(text.charCodeAt(index));
      const after = atEnd ? EDGE : (sides[letter] ?? NO_WORD);
      const table = tables[boundary(before, after)];
      if (table === undefined) return false;
      if (table.empty || meet(reached, table.last)) return true;
      if (atEnd) return false;

      next.set(table.first);
      let alive = 0;
      for (let word = 0; word < words; word++) {
        let bits = reached[word] ?? 0;
        alive |= bits;
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits);
          bits ^= 1 << bit;
          const row = (word * BITS + bit) * words;
          for (let other = 0; other < words; other++) {
            next[other] = (next[other] ?? 0) | (table.follow[row + other] ?? 0);
          }
        }
      }
      if (alive === 0 && index > 0 && !beginsAnywhere) return false;
      for (let word = 0; word < words; word++) {
        next[word] = (next[word] ?? 0) & (letters[letter * words + word] ?? 0);
      }
      [reached, next] = [next, reached];
      before = after;
    }
  };
}

function meet(left: Int32Array, right: Int32Array): boolean {
  for (let word = 0; word < left.length; word++) {
    if (((left[word] ?? 0) & (right[word] ?? 0)) !== 0) return true;
  }
  return false;
}

/** By letter: the positions that accept it. */
function letterRows({ positions }: PositionAutomaton, alphabet: Alphabet, words: number): Int32Array {
  const rows = new Int32Array(alphabet.size * words);
  for (const [position, units] of positions.entries()) {
    for (const letter of alphabet.lettersOf(units)) setBit(rows, letter * words, position);
  }
  return rows;
}

/** By kind of boundary: its table. Kinds that the pattern treats alike share one. */
function boundaryTables(automaton: PositionAutomaton, words: number): readonly Table[] {
  const { empty, first, last, follow } = automaton;
  const distinct = new Set([empty, ...first, ...last]);
  for (const boundaries of follow) distinct.add(boundaries);
  const made = new Map<string, Table>();
  return Array.from({ length: BOUNDARY_COUNT }, (_, kind) => {
    const signature = Array.from(distinct, (boundaries) => (boundaries >> kind) & 1).join("");
    const table = made.get(signature) ?? {
      empty: ((empty >> kind) & 1) === 1,
      first: rowsAt(kind, first, first.length, words),
      last: rowsAt(kind, last, first.length, words),
      follow: rowsAt(kind, follow, first.length, words),
    };
    made.set(signature, table);
    return table;
  });
}

/** Turns sets of boundaries into rows of bits: whether the step is allowed at one kind of boundary. */
function rowsAt(kind: number, steps: Uint16Array, size: number, words: number): Int32Array {
  const rows = new Int32Array((steps.length / Math.max(size, 1)) * words);
  for (let from = 0, row = 0; from < steps.length; from += size, row += words) {
    for (let index = 0; index < size; index++) {
      if ((((steps[from + index] ?? 0) >> kind) & 1) === 1) setBit(rows, row, index);
    }
  }
  return rows;
}

function setBit(rows: Int32Array, from: number, position: number): void {
  const word = from + (position >> 5);
  rows[word] = (rows[word] ?? 0) | (1 << (position % BITS));
}
