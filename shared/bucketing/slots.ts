import { idReader, type IdReader } from "./bucketing-id.ts";

/** What is hashed for a context once, however many flags and rules need it: a salt with an attribute to bucket by. */
export interface Slot {
  /** See `bucketU32`. */
  readonly salt: string;
  /** Finds the bucketing id. */
  readonly readId: IdReader;
}

/** The slot of what needs no place. */
export const NO_SLOT = -1;

/** Collects the slots of a snapshot. */
export interface Slots {
  readonly all: readonly Slot[];
  /** The position of a slot, which is new or not. */
  add(salt: string, bucketBy: string): number;
}

/** What the variant of a flag is drawn with: another salt than the percentage's, so that the two are independent. */
export const variantSalt = (salt: string): string => `${salt}:v`;

export function createSlots(): Slots {
  const all: Slot[] = [];
  const positions = new Map<string, number>();
  // Most flags bucket by one and the same attribute.
  const readers = new Map<string, IdReader>();
  const readerOf = (bucketBy: string): IdReader => {
    const reader = readers.get(bucketBy) ?? idReader(bucketBy);
    readers.set(bucketBy, reader);
    return reader;
  };
  return {
    all,
    add(salt, bucketBy) {
      const name = `${salt}::${bucketBy}`;
      const position = positions.get(name) ?? all.length;
      if (position === all.length) {
        positions.set(name, position);
        all.push({ salt, readId: readerOf(bucketBy) });
      }
      return position;
    },
  };
}
