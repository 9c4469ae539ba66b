/**
 * The longest reason why something is `invalid` that travels to the edge, in bytes of JSON: `flag-sizes.ts` counts on it.
 * People are shown all of it.
 */
export const MAX_INVALID_BYTES = 160;

/** The largest snapshot that a worker takes, in bytes: its own limit, whatever MAX_SNAPSHOT_BYTES says. */
export const MAX_PUBLISHED_BYTES = 8_388_608;
