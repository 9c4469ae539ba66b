import { parseSigningKeys, type SigningKey } from "../../shared/x-flags/signing-keys.ts";
import type { BindingReader } from "./bindings.ts";

/** The first key signs; all keys verify. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

/** Reads `SIGNING_KEYS`; undefined when nothing is signed. */
export function readSigningKeys(read: BindingReader): SigningKeys | undefined {
  return read.parsed("SIGNING_KEYS", parseSigningKeys);
}
