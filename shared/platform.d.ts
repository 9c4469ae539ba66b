/**
 * All that shared/ may touch beyond ECMAScript: Web Crypto's digest and HMAC, the UTF-8 codecs, URLs and their patterns.
 * Declared by hand, and seen by shared/tsconfig.json alone, so that a `fetch`, a `console` or a `process` here is a type
 * error.
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

/** The part of URLs that gates and requests are made of. */
declare class URL {
  /** @throws TypeError unless it is absolute, by itself or by its base */
  constructor(url: string | URL, base?: string | URL);
  readonly host: string;
  pathname: string;
  search: string;
}

declare class URLSearchParams {
  constructor(query: string);
  [Symbol.iterator](): IterableIterator<[name: string, value: string]>;
}

declare class URLPattern {
  constructor(input: { readonly pathname: string }, options?: { readonly ignoreCase?: boolean });
  test(input: { readonly pathname: string }): boolean;
}

declare function atob(data: string): string;
declare function btoa(data: string): string;

/** The part of Fetch's Headers that a reader of headers needs. */
interface Headers {
  get(name: string): string | null;
}

/** Named by structured-headers' types. */
type BufferSource = ArrayBufferView | ArrayBuffer;
