import { algorithmOf, type JwtAlgorithm } from "./jwt-algorithms.ts";

const BEGIN = "-----BEGIN PUBLIC KEY-----";
const END = "-----END PUBLIC KEY-----";
const MAX_PEMS = 8;

/** How the AlgorithmIdentifier of a public key begins, in hex (RFC 3279, 5480, 8410), by `crv`, or `kty` without one. */
const IDENTIFIERS: Readonly<Record<string, string>> = {
  RSA: "300d06092a864886f70d010101",
  "P-256": "301306072a8648ce3d020106082a8648ce3d030107",
  "P-384": "301006072a8648ce3d020106052b81040022",
  "P-521": "301006072a8648ce3d020106052b81040023",
  Ed25519: "300506032b6570",
};

/** The SEQUENCE around it, whose length takes one byte, or one or two more. */
const OUTER = /^30(?:[0-7].|81..|82....)/;

/** Takes several PEM texts apart; none where one of them is no whole one. Secrets stores and `.env` files often keep line ends as `\n`. */
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
 * Whether a public key's type is that of one of the algorithms. Its type alone: that it is a key shows when it is
 * imported, which settings, being read synchronously, cannot wait for.
 *
 * @param pem one of `splitPems`
 */
export function isKeyTypeOf(pem: string, algorithms: readonly JwtAlgorithm[]): boolean {
  const hex = toHex(contentOf(pem));
  const inner = hex.replace(OUTER, "");
  return algorithms.some((name) => {
    const { kty, crv = kty } = algorithmOf(name);
    const identifier = IDENTIFIERS[crv];
    return identifier !== undefined && inner !== hex && inner.startsWith(identifier);
  });
}

function toHex(base64: string): string {
  try {
    return Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  } catch {
    return "";
  }
}
