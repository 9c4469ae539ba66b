import type pg from "pg";

const numbered = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}_${index}`);

/** Flags that are described and rolled out all the time. */
export const NOTES = numbered("note", 8);

/** Flags that are killed and enabled all the time. */
export const SWITCHES = numbered("switch", 6);

/**
 * A number in bits and in their opposites. Only whole transactions change it, all of its flags at once: whoever sees a
 * bit and its opposite alike has seen two snapshots at once.
 */
export const BITS = numbered("bit", 5);
export const OPPOSITES = numbered("opposite", 5);

/** Puts the flags in that are never deleted. */
export async function createFlags(client: pg.ClientBase): Promise<void> {
  await client.query(
    `insert into feature_flags (key, enabled, rollout_pct, description)
     select key, key = any ($2), 100, 'at first' from unnest($1::text[]) as key`,
    [
      [...NOTES, ...SWITCHES, ...BITS, ...OPPOSITES],
      [...NOTES, ...OPPOSITES],
    ],
  );
}
