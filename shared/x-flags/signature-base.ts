import { FLAGS_CONTEXT_HEADER, FLAGS_HEADER } from "./flags-header.ts";

/** The headers that hold message signatures (RFC 9421, section 4). */
export const SIGNATURE_INPUT_HEADER = "signature-input";
export const SIGNATURE_HEADER = "signature";

/** The name of the worker's signature in both; what a client sends under it is stripped. */
export const SIGNATURE_LABEL = "sluice";
/** What the signature is for, so that one made for another purpose with the same key is none of ours. */
export const SIGNATURE_TAG = "sluice";
export const SIGNATURE_ALGORITHM = "hmac-sha256";

/** What is signed: headers with their values, in the order in which the signature names them. */
export type Covered = readonly (readonly [name: string, value: string])[];

const encoder = new TextEncoder();

/**
 * What a signature covers: exactly the headers of ours that are there. So one over a request with everything off holds
 * for no request that has an `x-flags`, and one that covers an `x-flags` for none from which it was taken.
 *
 * @param flags the value of `x-flags`; undefined when there is none
 */
export function toCovered(flags: string | undefined, flagsContext: string): Covered {
  const context = [FLAGS_CONTEXT_HEADER, flagsContext] as const;
  return flags === undefined ? [context] : [[FLAGS_HEADER, flags], context];
}

/** The names in the form of RFC 9421: `("x-flags" "x-flags-context")`. */
export function toComponents(covered: Covered): string {
  return `(${covered.map(([name]) => `"${name}"`).join(" ")})`;
}

/**
 * The bytes that are signed (RFC 9421, section 2.5): one line for each header, and one for the parameters.
 *
 * @param params the signature's member in `Signature-Input`, without its label
 */
export function toSignatureBase(covered: Covered, params: string): ReturnType<typeof encoder.encode> {
  const lines = covered.map(([name, value]) => `"${name}": ${value}`);
  return encoder.encode([...lines, `"@signature-params": ${params}`].join("\n"));
}
