import { hash } from "node:crypto";

/** A context's place for a salt, as `bucketU32` gives it; -1 without an id. */
export type Places = (salt: string, id: string | undefined) => number;

const NO_BUCKET = -1;

/**
 * Places for many contexts at once: Node's own SHA-256, bit for bit what Web Crypto gives, without its wait for every
 * single one. Remembers the last place of every salt: before and after a draft, most are the same.
 */
export function createPlaces(): Places {
  const last = new Map<string, { readonly id: string; readonly u32: number }>();
  return (salt, id) => {
    if (id === undefined) return NO_BUCKET;
    const remembered = last.get(salt);
    if (remembered?.id === id) return remembered.u32;
    const u32 = hash("sha256", `${salt}::${id}`, "buffer").readUInt32BE(0);
    last.set(salt, { id, u32 });
    return u32;
  };
}
