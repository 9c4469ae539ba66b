import { toHmacKey } from "./hmac-key.ts";
import {
  SIGNATURE_ALGORITHM,
  SIGNATURE_LABEL,
  SIGNATURE_TAG,
  toComponents,
  toSignatureBase,
  type Covered,
} from "./signature-base.ts";
import type { SigningKey } from "./signing-keys.ts";

/** One member for each of the two headers that hold signatures. */
export interface SignatureMembers {
  readonly signatureInput: string;
  readonly signature: string;
}

/**
 * Signs headers as RFC 9421 has it, by HMAC-SHA256.
 *
 * @param at when, in milliseconds since the epoch; whole seconds on the wire
 */
export async function signFlags(covered: Covered, key: SigningKey, at: number): Promise<SignatureMembers> {
  const created = Math.floor(at / 1000);
  const params =
    `${toComponents(covered)};created=${created};keyid="${key.id}"` +
    `;alg="${SIGNATURE_ALGORITHM}";tag="${SIGNATURE_TAG}"`;
  const base = toSignatureBase(covered, params);
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", await toHmacKey(key), base));
  return {
    signatureInput: `${SIGNATURE_LABEL}=${params}`,
    signature: `${SIGNATURE_LABEL}=:${btoa(String.fromCharCode(...bytes))}:`,
  };
}
