import type { Alphabet } from "./alphabet.ts";
import { BOUNDARY_COUNT, EDGE, IN_WORD, NO_WORD, boundary } from "./boundary.ts";
import type { PositionAutomaton } from "./position-automaton.ts";

/** What can be done at one kind of boundary. Rows are bit sets of positions, `words` numbers each. */
interface Table {
  /** Nothing at all is a match here. */
  readonly empty: boolean;
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** A row for each position. */
  readonly follow: Int32Array;
}

const BITS = 32;

/**
 * Makes the function that says whether a text holds a match. All positions that a match could have reached are kept as
 * one bit set and moved on together, once per character: the work is at most the text's length times what the pattern
 * says, whatever both hold. Nothing is tried twice and nothing taken back.
 */
export function matcher(automaton: PositionAutomaton, alphabet: Alphabet): (text: string) => boolean {
  const words = Math.max(1, Math.ceil(automaton.positions.length / BITS));
  const letters = letterRows(automaton, alphabet, words);
  const tables = boundaryTables(automaton, words);
  const sides = Uint8Array.from(alphabet.isWord, (isWord) => (isWord ? IN_WORD : NO_WORD));
  // Whether a match can begin anywhere but at the start of the text; if not, a dead end is the end.
  const beginsAnywhere = tables.some(
    (table, place) =>
      place >= boundary(IN_WORD, EDGE) && (table.empty || table.first.some((positions) => positions !== 0)),
  );
  // Used by one call at a time: a match is found without waiting for anything.
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

/** By letter: the positions that take it. */
function letterRows({ positions }: PositionAutomaton, alphabet: Alphabet, words: number): Int32Array {
  const rows = new Int32Array(alphabet.size * words);
  for (const [position, { units }] of positions.entries()) {
    for (const letter of alphabet.lettersOf(units)) setBit(rows, letter * words, position);
  }
  return rows;
}

/** By boundary: what can be done there; boundaries that the pattern does not tell apart share a table. */
function boundaryTables(automaton: PositionAutomaton, words: number): readonly Table[] {
  const { empty, first, last, follow } = automaton;
  const told = new Set([empty]);
  for (const list of [first, last, follow]) for (const ways of list) told.add(ways);
  const made = new Map<string, Table>();
  return Array.from({ length: BOUNDARY_COUNT }, (_, place) => {
    const likeness = Array.from(told, (ways) => (ways >> place) & 1).join("");
    const table = made.get(likeness) ?? {
      empty: ((empty >> place) & 1) === 1,
      first: rows(first, place, first.length, words),
      last: rows(last, place, first.length, words),
      follow: rows(follow, place, first.length, words),
    };
    made.set(likeness, table);
    return table;
  });
}

/** Rows of bits out of rows of ways: whether there is a way at one place. */
function rows(ways: Int32Array, place: number, size: number, words: number): Int32Array {
  const made = new Int32Array((ways.length / Math.max(size, 1)) * words);
  for (let from = 0, row = 0; from < ways.length; from += size, row += words) {
    for (let index = 0; index < size; index++) {
      if ((((ways[from + index] ?? 0) >> place) & 1) === 1) setBit(made, row, index);
    }
  }
  return made;
}

function setBit(rows: Int32Array, from: number, position: number): void {
  const word = from + (position >> 5);
  rows[word] = (rows[word] ?? 0) | (1 << (position % BITS));
}
