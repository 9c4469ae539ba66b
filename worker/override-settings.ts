import type { BindingReader } from "./binding-reader.ts";
import { readKeys, type SigningKeys } from "./signing-settings.ts";

/**
 * Reads `OVERRIDE_KEYS`.
 *
 * @param signingKeys those of `SIGNING_KEYS`, which the origin holds as well
 * @returns undefined when it is not set: no override is believed; or when it is wrong, which is a problem then
 */
export function readOverrideKeys(
  read: BindingReader,
  signingKeys: SigningKeys | undefined,
): SigningKeys | undefined {
  const keys = readKeys(read, "OVERRIDE_KEYS");
  const shared = keys?.some(({ secret }) => signingKeys?.some((other) => isEqual(other.secret, secret)));
  // Whoever checks x-flags could then write overrides.
  if (shared === true)
    read.problems.push("OVERRIDE_KEYS holds a secret of SIGNING_KEYS: make one of its own");
  return keys;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
