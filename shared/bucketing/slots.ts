import { idReader, type IdReader } from "./bucketing-id.ts";

/** A salt and an attribute to bucket by. It is hashed once for a context, however many flags and rules share it. */
export interface Slot {
  /** See `bucketU32`. */
  readonly salt: string;
  readonly readId: IdReader;
}

/** The slot of shares that need no bucket. */
export const NO_SLOT = -1;

/** Collects the slots of a snapshot. */
export interface Slots {
  readonly all: readonly Slot[];
  /** Adds a slot unless it exists, and returns its position. */
  add(salt: string, bucketBy: string): number;
}

/** The salt for a flag's variants. It differs from the percentage's salt, so that the two buckets are independent. */
export const variantSalt = (salt: string): string => `${salt}:v`;

export function createSlots(): Slots {
  const all: Slot[] = [];
  const positions = new Map<string, number>();
  // Most flags bucket by the same attribute, so they share a reader.
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
