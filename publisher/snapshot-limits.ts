/**
 * The longest reason why something is `invalid` that travels to the edge, in bytes of JSON: `flag-sizes.ts` counts on it.
 * People are shown all of it.
 */
export const MAX_INVALID_BYTES = 160;
