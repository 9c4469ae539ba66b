import { parseSigningKeys, type SigningKeys } from "../../shared/x-flags/signing-keys.ts";
import type { BindingReader } from "../isolate/bindings.ts";

/** Secrets that others know as well: with one of them the site checks `x-flags`, with the other it signs people in. */
interface OtherSecrets {
  readonly signingKeys: SigningKeys | undefined;
  readonly jwtSecrets: readonly string[];
}

/** Reads `OVERRIDE_KEYS`; undefined when no override is accepted. */
export function readOverrideKeys(read: BindingReader, others: OtherSecrets): SigningKeys | undefined {
  const keys = read.parsed("OVERRIDE_KEYS", parseSigningKeys);
  const known = [...bytesOfKeys(others.signingKeys ?? []), ...others.jwtSecrets.flatMap(bytesOfText)];
  if (keys?.some(({ secret }) => known.some((other) => isEqual(other, secret))) === true) {
    // Anyone who can check an HMAC can also make one.
    read.problems.push(
      "OVERRIDE_KEYS holds a secret of SIGNING_KEYS or JWT_SECRET: make a secret of its own",
    );
  }
  return keys;
}

const bytesOfKeys = (keys: readonly { readonly secret: Uint8Array }[]): readonly Uint8Array[] =>
  keys.map(({ secret }) => secret);

/** JWT_SECRET is a text. OVERRIDE_KEYS may hold the same secret as base64 of the text, or as the bytes that it encodes. */
function bytesOfText(text: string): readonly Uint8Array[] {
  const decoded = parseSigningKeys(`jwt:${text}`);
  return [new TextEncoder().encode(text), ...("value" in decoded ? bytesOfKeys(decoded.value) : [])];
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
