import { ANYWHERE, type Boundaries } from "./boundary.ts";

/**
 * In how many ways something can be done without consuming a character, for each boundary: not at all, in one way, or
 * in several. Two sets of boundaries in one number: where there is a way, and, nine bits higher, where there is a second.
 */
export type Ways = number;

const SHIFT = 9;

export const NO_WAY: Ways = 0;

/** One way, wherever it is. */
export const ONE_WAY: Ways = ANYWHERE;

/** The first or the second. */
export function either(first: Ways, second: Ways): Ways {
  return first | second | ((first & second & ANYWHERE) << SHIFT);
}

/** The first and then the second. */
export function both(first: Ways, second: Ways): Ways {
  const two = ((first >> SHIFT) & second) | ((second >> SHIFT) & first);
  return (first & second & ANYWHERE) | ((two & ANYWHERE) << SHIFT);
}

export function placesOfSeveral(ways: Ways): Boundaries {
  return ways >> SHIFT;
}
