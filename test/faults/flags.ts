import type pg from "pg";

const numbered = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}_${index}`);

/** Flags whose description and percentage change all the time. */
export const NOTES = numbered("note", 8);

/** Flags that are killed and enabled again all the time. */
export const SWITCHES = numbered("switch", 6);

/**
 * A number, as bits and as their opposites. Each transaction changes all of these flags at once. A visitor who sees a bit
 * equal to its opposite has seen a mixture of two snapshots.
 */
export const BITS = numbered("bit", 5);
export const OPPOSITES = numbered("opposite", 5);

/** Inserts the flags that are never deleted. */
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
