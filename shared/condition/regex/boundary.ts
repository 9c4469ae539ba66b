/**
 * A boundary lies before, between or after the characters of a text. Assertions only need to know the two sides of it: each
 * is the edge of the text, a word character, or another character. That makes nine kinds of boundary, and a set of kinds is
 * a bit set of nine bits.
 */
export type Boundaries = number;

export const EDGE = 0;
export const IN_WORD = 1;
export const NO_WORD = 2;

const SIDES = [EDGE, IN_WORD, NO_WORD];

/** The number of a kind of boundary: a bit of `Boundaries`, and an index into tables. */
export function boundary(before: number, after: number): number {
  return before * 3 + after;
}

export const BOUNDARY_COUNT = 9;

function where(holds: (before: number, after: number) => boolean): Boundaries {
  let boundaries = 0;
  for (const before of SIDES) {
    for (const after of SIDES) if (holds(before, after)) boundaries |= 1 << boundary(before, after);
  }
  return boundaries;
}

export const NOWHERE: Boundaries = 0;
export const ANYWHERE: Boundaries = where(() => true);

/** `^` without `m`. */
export const TEXT_START: Boundaries = where((before) => before === EDGE);

/** `$` without `m`. */
export const TEXT_END: Boundaries = where((_before, after) => after === EDGE);

/** `\b`. */
export const WORD_EDGE: Boundaries = where((before, after) => (before === IN_WORD) !== (after === IN_WORD));

/** `\B`. */
export const NO_WORD_EDGE: Boundaries = ANYWHERE & ~WORD_EDGE;
