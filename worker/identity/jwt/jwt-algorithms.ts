import { toHex } from "../../isolate/bytes.ts";

/** What a signature algorithm needs: a shared secret, or a public key. */
type Algorithm =
  /** Web Crypto's hash, and the shortest secret: as long as the digest (RFC 7518, 3.2). */
  | { readonly hash: string; readonly minBytes: number }
  /** How the AlgorithmIdentifier of a public key begins, in hex (RFC 3279, 5480, 8410). */
  | { readonly spki: string };

const RSA = { spki: "300d06092a864886f70d010101" };

/** The signatures that are checked. An algorithm that is not listed, such as `none`, cannot be switched on. */
const ALGORITHMS = {
  HS256: { hash: "SHA-256", minBytes: 32 },
  HS384: { hash: "SHA-384", minBytes: 48 },
  HS512: { hash: "SHA-512", minBytes: 64 },
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
  ES256: { spki: "301306072a8648ce3d020106082a8648ce3d030107" },
  ES384: { spki: "301006072a8648ce3d020106052b81040022" },
  ES512: { spki: "301006072a8648ce3d020106052b81040023" },
  EdDSA: { spki: "300506032b6570" },
} as const satisfies { readonly [name: string]: Algorithm };

export type JwtAlgorithm = keyof typeof ALGORITHMS;

export function isAlgorithm(name: string): name is JwtAlgorithm {
  return Object.hasOwn(ALGORITHMS, name);
}

/** The algorithms of shared secrets, or those of public keys: the two kinds are never mixed. */
export function algorithmsOf(kind: "secret" | "public"): readonly JwtAlgorithm[] {
  return Object.keys(ALGORITHMS)
    .filter(isAlgorithm)
    .filter((name) => "hash" in ALGORITHMS[name] === (kind === "secret"));
}

/** What an HMAC asks of its secret; for other algorithms nothing fits. */
export function hmacOf(name: JwtAlgorithm): { readonly hash: string; readonly minBytes: number } {
  const algorithm: Algorithm = ALGORITHMS[name];
  return "hash" in algorithm ? algorithm : { hash: "SHA-256", minBytes: 0 };
}

const BEGIN = "-----BEGIN PUBLIC KEY-----";
const END = "-----END PUBLIC KEY-----";
const MAX_PEMS = 8;

/** The SEQUENCE around the AlgorithmIdentifier; its length takes one byte, or up to two more. */
const OUTER = /^30(?:[0-7].|81..|82....)/;

/** Splits a text of several PEM keys; [] where one of them is incomplete. Secret stores and `.env` files often write line ends as `\n`. */
export function splitPems(text: string): readonly string[] {
  const blocks = text.replaceAll("\\n", "\n").split(BEGIN);
  const pems = blocks.slice(1).map((block) => `${BEGIN}${block.trimEnd()}`);
  const isWhole = (pem: string): boolean => pem.endsWith(END) && /^[A-Za-z0-9+/=\s]+$/.test(contentOf(pem));
  return blocks[0]?.trim() === "" && pems.length <= MAX_PEMS && pems.every(isWhole) ? pems : [];
}

function contentOf(pem: string): string {
  return pem.slice(BEGIN.length, -END.length);
}

/**
 * Whether a public key's type is that of one of the algorithms. Only its type: settings are read synchronously and
 * cannot wait for an import, which shows whether it is a valid key.
 *
 * @param pem one of `splitPems`
 */
export function isKeyTypeOf(pem: string, algorithms: readonly JwtAlgorithm[]): boolean {
  const hex = hexOf(contentOf(pem));
  const inner = hex.replace(OUTER, "");
  return algorithms.some((name) => {
    const algorithm: Algorithm = ALGORITHMS[name];
    return "spki" in algorithm && inner !== hex && inner.startsWith(algorithm.spki);
  });
}

function hexOf(base64: string): string {
  try {
    return toHex(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return "";
  }
}
