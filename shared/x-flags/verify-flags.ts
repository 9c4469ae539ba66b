import { isInnerList, serializeInnerList, type InnerList } from "structured-headers";
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
import { findSoleMember, type SoleMember } from "./sole-member.ts";

/** The two headers that hold signatures, as they came. */
export interface ReceivedSignature {
  readonly signatureInput: string | undefined;
  readonly signature: string | undefined;
}

/** When a signature holds, in milliseconds. */
export interface Freshness {
  readonly now: number;
  readonly maxAgeMs: number;
}

/** Which key signed; or why what was received cannot be believed, in words that hold nothing of it. */
export type Verified = { readonly keyId: string } | { readonly problem: string };

/** How far the worker's clock may be ahead of the reader's, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 10_000;

/** Longer than what is ours and an ordinary client's, together. */
const MAX_LENGTH = 16_384;

/** The bytes of an HMAC-SHA256. */
const SIGNATURE_BYTES = 32;

const PARAMETERS = ["alg", "created", "keyid", "tag"];

/** Whether the worker has said this: `x-flags` and `x-flags-context` as they came, signed by one of the keys, lately. */
export async function verifyFlags(
  covered: Covered,
  received: ReceivedSignature,
  keys: readonly SigningKey[],
  { now, maxAgeMs }: Freshness,
): Promise<Verified> {
  const input = findMember(received.signatureInput, "Signature-Input");
  if ("problem" in input) return input;
  const given = findMember(received.signature, "Signature");
  if ("problem" in given) return given;
  if (!isInnerList(input.member)) return problem("Signature-Input does not list what is signed");
  const [signature] = given.member;
  if (!(signature instanceof ArrayBuffer) || signature.byteLength !== SIGNATURE_BYTES) {
    return problem(`Signature is not ${SIGNATURE_BYTES} bytes`);
  }

  const judged = judgeParameters(input.member, covered);
  if ("problem" in judged) return judged;
  const key = keys.find(({ id }) => id === judged.keyId);
  if (key === undefined) return problem("the signature is by a key that is not among `keys`");
  // As the signer wrote them, in the signer's order: what RFC 9421 signs is the canonical form of what was received.
  const base = toSignatureBase(covered, serializeInnerList(input.member));
  if (!(await crypto.subtle.verify("HMAC", await toHmacKey(key), signature, base))) {
    return problem("the signature does not fit the headers: they were changed, or the secret is another one");
  }
  // Only now is it the worker who says when it signed.
  const age = now - judged.created * 1000;
  if (age > maxAgeMs) return problem(`the signature is older than ${maxAgeMs} ms`);
  if (age < -MAX_CLOCK_SKEW_MS) {
    return problem(`the signature is from more than ${MAX_CLOCK_SKEW_MS} ms ahead: compare the clocks`);
  }
  return { keyId: key.id };
}

type Found = Extract<SoleMember, { member: unknown }> | { readonly problem: string };

function findMember(header: string | undefined, name: string): Found {
  if (header === undefined) return problem(`not signed: no ${name} header`);
  if (header.length > MAX_LENGTH) return problem(`${name} is longer than ${MAX_LENGTH} characters`);
  const sole = findSoleMember(header, SIGNATURE_LABEL);
  if ("member" in sole) return sole;
  return problem(
    {
      none: `not signed: no \`${SIGNATURE_LABEL}\` in ${name}`,
      several: `${name} has several members called \`${SIGNATURE_LABEL}\``,
      malformed: `\`${SIGNATURE_LABEL}\` in ${name} is malformed`,
    }[sole.found],
  );
}

/** Exactly what a worker sends: whatever else a signature may say, another reader could understand in another way. */
function judgeParameters(
  [components, parameters]: InnerList,
  covered: Covered,
): { readonly keyId: string; readonly created: number } | { readonly problem: string } {
  const listed = serializeInnerList([components, new Map()]);
  if (listed !== toComponents(covered)) {
    return problem(`the signature does not cover exactly ${toComponents(covered)}`);
  }
  if ([...parameters.keys()].sort().join() !== PARAMETERS.join()) {
    return problem(`the signature must have the parameters ${PARAMETERS.join(", ")}, and no others`);
  }
  if (parameters.get("tag") !== SIGNATURE_TAG) return problem(`the signature's tag is not ${SIGNATURE_TAG}`);
  if (parameters.get("alg") !== SIGNATURE_ALGORITHM) {
    return problem(`the signature's alg is not ${SIGNATURE_ALGORITHM}`);
  }
  const keyId = parameters.get("keyid");
  const created = parameters.get("created");
  if (typeof keyId !== "string") return problem("the signature's keyid is not a string");
  if (typeof created !== "number" || !Number.isSafeInteger(created)) {
    return problem("the signature's created is not a whole number of seconds");
  }
  return { keyId, created };
}

function problem(text: string): { readonly problem: string } {
  return { problem: text };
}
