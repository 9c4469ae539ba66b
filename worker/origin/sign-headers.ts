import { signFlags } from "../../shared/x-flags/sign-flags.ts";
import { SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER } from "../../shared/x-flags/signature-base.ts";
import type { SigningKey } from "../../shared/x-flags/signing-keys.ts";
import type { FlagHeaders } from "./flag-headers.ts";

/**
 * The two headers that sign the worker's own.
 *
 * @param told what is signed, all of it
 * @param kept the client's headers, stripped: its own signatures stay, before ours
 * @param at milliseconds since the epoch
 */
export async function signHeaders(
  told: FlagHeaders,
  kept: Headers,
  key: SigningKey,
  at: number,
): Promise<FlagHeaders> {
  const { signatureInput, signature } = await signFlags(told, key, at);
  return [
    [SIGNATURE_INPUT_HEADER, beside(kept.get(SIGNATURE_INPUT_HEADER), signatureInput)],
    [SIGNATURE_HEADER, beside(kept.get(SIGNATURE_HEADER), signature)],
  ];
}

function beside(kept: string | null, ours: string): string {
  return kept === null || kept === "" ? ours : `${kept}, ${ours}`;
}
