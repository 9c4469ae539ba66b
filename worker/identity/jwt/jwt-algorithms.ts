/** What a signature algorithm asks of its key: JWK's words. */
interface Algorithm {
  readonly kty: "oct" | "RSA" | "EC" | "OKP";
  readonly crv?: string;
  /** HMAC alone: Web Crypto's hash, and the shortest secret, as long as its digest (RFC 7518, 3.2). */
  readonly hash?: string;
  readonly minBytes?: number;
}

/** The signatures of JWTs that are checked. What is not in here, `none` above all, cannot be switched on. */
export const ALGORITHMS = {
  HS256: { kty: "oct", hash: "SHA-256", minBytes: 32 },
  HS384: { kty: "oct", hash: "SHA-384", minBytes: 48 },
  HS512: { kty: "oct", hash: "SHA-512", minBytes: 64 },
  RS256: { kty: "RSA" },
  RS384: { kty: "RSA" },
  RS512: { kty: "RSA" },
  PS256: { kty: "RSA" },
  PS384: { kty: "RSA" },
  PS512: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
} as const satisfies { readonly [name: string]: Algorithm };

export type JwtAlgorithm = keyof typeof ALGORITHMS;

export function isAlgorithm(name: string): name is JwtAlgorithm {
  return Object.hasOwn(ALGORITHMS, name);
}

/** What is asked of an algorithm's key. */
export function algorithmOf(name: JwtAlgorithm): Algorithm {
  return ALGORITHMS[name];
}
