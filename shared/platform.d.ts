/**
 * All that shared/ may touch beyond ECMAScript: Web Crypto's digest and HMAC, the UTF-8 codecs, and URLs. Declared by
 * hand, and seen by shared/tsconfig.json alone, so that a `fetch`, a `console` or a `process` here is a type error.
 */
interface SubtleCrypto {
  digest(algorithm: "SHA-256", data: Uint8Array): Promise<ArrayBuffer>;
  importKey(
    format: "raw",
    secret: Uint8Array,
    algorithm: { readonly name: "HMAC"; readonly hash: "SHA-256" },
    extractable: false,
    usages: ("sign" | "verify")[],
  ): Promise<CryptoKey>;
  sign(algorithm: "HMAC", key: CryptoKey, data: Uint8Array): Promise<ArrayBuffer>;
  verify(algorithm: "HMAC", key: CryptoKey, signature: ArrayBuffer, data: Uint8Array): Promise<boolean>;
}

/** A secret that Web Crypto holds. */
interface CryptoKey {
  readonly type: string;
}

declare const crypto: { readonly subtle: SubtleCrypto };

declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: "utf-8", options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}

declare function atob(data: string): string;
declare function btoa(data: string): string;

declare class URL {
  /** @throws TypeError unless it is absolute */
  constructor(url: string);
  readonly host: string;
  readonly pathname: string;
  readonly search: string;
}

/** The part of Fetch's Headers that a reader of headers needs. */
interface Headers {
  get(name: string): string | null;
}

/** Named by structured-headers' types. */
type BufferSource = ArrayBufferView | ArrayBuffer;
