import {
  isInnerList,
  parseDictionary,
  serializeInnerList,
  type InnerList,
  type Item,
} from "structured-headers";
import { FLAGS_CONTEXT_HEADER, FLAGS_HEADER } from "./flags-header.ts";
import { toHmacKey, type SigningKey } from "./signing-keys.ts";

/** The headers of message signatures (RFC 9421, section 4). */
export const SIGNATURE_INPUT_HEADER = "signature-input";
export const SIGNATURE_HEADER = "signature";

/** The name of the worker's signature in both headers; a client's signature of this name is stripped. */
export const SIGNATURE_LABEL = "sluice";
/** The purpose of the signature: one made for another purpose with the same key is refused. */
const TAG = "sluice";
const ALGORITHM = "hmac-sha256";

/** The signed headers with their values, in the order in which the signature names them. */
export type Covered = readonly (readonly [name: string, value: string])[];

/** One member for each of the two signature headers. */
export interface SignatureMembers {
  readonly signatureInput: string;
  readonly signature: string;
}

interface Problem {
  readonly problem: string;
}

/** Which key signed, or why the headers are refused. A problem quotes nothing of them. */
export type Verified = { readonly keyId: string } | Problem;

/** How far the worker's clock may be ahead of the reader's, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 10_000;

/** Longer than the worker's signature and an ordinary client's together. */
const MAX_LENGTH = 16_384;

/** The bytes of an HMAC-SHA256. */
const SIGNATURE_BYTES = 32;

const PARAMETERS = ["alg", "created", "keyid", "tag"];

const encoder = new TextEncoder();

/**
 * What a signature covers: exactly those of the worker's headers that are present. So the signature of a request with
 * everything off fits no request with an `x-flags`, and the other way round.
 *
 * @param flags the value of `x-flags`; undefined when there is none
 */
export function toCovered(flags: string | undefined, flagsContext: string): Covered {
  const context = [FLAGS_CONTEXT_HEADER, flagsContext] as const;
  return flags === undefined ? [context] : [[FLAGS_HEADER, flags], context];
}

/**
 * Signs headers (RFC 9421, HMAC-SHA256).
 *
 * @param at when, in milliseconds since the epoch; whole seconds on the wire
 */
export async function signFlags(covered: Covered, key: SigningKey, at: number): Promise<SignatureMembers> {
  const created = Math.floor(at / 1000);
  const params = `${toComponents(covered)};created=${created};keyid="${key.id}";alg="${ALGORITHM}";tag="${TAG}"`;
  const base = toSignatureBase(covered, params);
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", await toHmacKey(key), base));
  return {
    signatureInput: `${SIGNATURE_LABEL}=${params}`,
    signature: `${SIGNATURE_LABEL}=:${btoa(String.fromCharCode(...bytes))}:`,
  };
}

/**
 * Verifies `x-flags` and `x-flags-context` as received: signed by one of the keys, and recent.
 *
 * @param received the two signature headers
 * @param freshness the reader's clock and the oldest signature that it accepts, in milliseconds
 */
export async function verifyFlags(
  covered: Covered,
  received: { readonly [member in keyof SignatureMembers]: string | undefined },
  keys: readonly SigningKey[],
  freshness: { readonly now: number; readonly maxAgeMs: number },
): Promise<Verified> {
  const input = findMember(received.signatureInput, "Signature-Input");
  if ("problem" in input) return input;
  const given = findMember(received.signature, "Signature");
  if ("problem" in given) return given;
  if (!isInnerList(input.member)) return problem("Signature-Input does not list the signed headers");
  const [signature] = given.member;
  if (!(signature instanceof ArrayBuffer) || signature.byteLength !== SIGNATURE_BYTES) {
    return problem(`Signature is not ${SIGNATURE_BYTES} bytes`);
  }

  const parameters = readParameters(input.member, covered);
  if ("problem" in parameters) return parameters;
  const key = keys.find(({ id }) => id === parameters.keyId);
  if (key === undefined) return problem("the signature is by a key that is not among `keys`");
  // In the signer's order: RFC 9421 signs the canonical form of the received parameters.
  const base = toSignatureBase(covered, serializeInnerList(input.member));
  if (!(await crypto.subtle.verify("HMAC", await toHmacKey(key), signature, base))) {
    return problem("the signature does not fit the headers: they were changed, or the secret is another one");
  }
  // Before the signature was verified, anybody could have written the time.
  const { now, maxAgeMs } = freshness;
  const age = now - parameters.created * 1000;
  if (age > maxAgeMs) return problem(`the signature is older than ${maxAgeMs} ms`);
  if (age < -MAX_CLOCK_SKEW_MS) {
    return problem(`the signature is from more than ${MAX_CLOCK_SKEW_MS} ms ahead: compare the clocks`);
  }
  return { keyId: key.id };
}

/** The names in the form of RFC 9421: `("x-flags" "x-flags-context")`. */
function toComponents(covered: Covered): string {
  return `(${covered.map(([name]) => `"${name}"`).join(" ")})`;
}

/**
 * The bytes that are signed (RFC 9421, section 2.5): one line for each header, and one for the parameters.
 *
 * @param params the signature's member in `Signature-Input`, without its label
 */
function toSignatureBase(covered: Covered, params: string): ReturnType<typeof encoder.encode> {
  const lines = covered.map(([name, value]) => `"${name}": ${value}`);
  return encoder.encode([...lines, `"@signature-params": ${params}`].join("\n"));
}

/** Pieces between commas outside of quotes, found in one pass over any text. */
const PIECES = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;

const KEY = /^[ \t]*([a-z*][a-z0-9_.*-]*)/;

/**
 * Finds the only member with the worker's label. Other members may be anything. Of several with one label RFC 9651 takes
 * the last; here all are refused (RFC 9421, section 4.1).
 */
function findMember(
  header: string | undefined,
  name: string,
): { readonly member: InnerList | Item } | Problem {
  if (header === undefined) return problem(`not signed: no ${name} header`);
  if (header.length > MAX_LENGTH) return problem(`${name} is longer than ${MAX_LENGTH} characters`);
  const pieces = (header.match(PIECES) ?? []).filter((piece) => KEY.exec(piece)?.[1] === SIGNATURE_LABEL);
  const [piece] = pieces;
  if (piece === undefined) return problem(`not signed: no \`${SIGNATURE_LABEL}\` in ${name}`);
  if (pieces.length > 1) return problem(`${name} has several members called \`${SIGNATURE_LABEL}\``);
  try {
    const member = parseDictionary(piece.trim()).get(SIGNATURE_LABEL);
    if (member !== undefined) return { member };
  } catch {
    // Reported below.
  }
  return problem(`\`${SIGNATURE_LABEL}\` in ${name} is malformed`);
}

/** Accepts exactly what a worker sends: another reader could understand anything else differently. */
function readParameters(
  [components, parameters]: InnerList,
  covered: Covered,
): { readonly keyId: string; readonly created: number } | Problem {
  const listed = serializeInnerList([components, new Map()]);
  if (listed !== toComponents(covered)) {
    return problem(`the signature does not cover exactly ${toComponents(covered)}`);
  }
  if ([...parameters.keys()].sort().join() !== PARAMETERS.join()) {
    return problem(`the signature must have the parameters ${PARAMETERS.join(", ")}, and no others`);
  }
  if (parameters.get("tag") !== TAG) return problem(`the signature's tag is not ${TAG}`);
  if (parameters.get("alg") !== ALGORITHM) return problem(`the signature's alg is not ${ALGORITHM}`);
  const keyId = parameters.get("keyid");
  const created = parameters.get("created");
  if (typeof keyId !== "string") return problem("the signature's keyid is not a string");
  if (typeof created !== "number" || !Number.isSafeInteger(created)) {
    return problem("the signature's created is not a whole number of seconds");
  }
  return { keyId, created };
}

function problem(text: string): Problem {
  return { problem: text };
}
