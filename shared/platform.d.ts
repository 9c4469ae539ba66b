/**
 * Everything that shared/ may use beyond ECMAScript: Web Crypto's digest and HMAC, UTF-8 codecs, URLs and URL patterns. The
 * declarations are written by hand and only shared/tsconfig.json includes them, so that `fetch`, `console` or `process` is a
 * type error here.
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

/** A secret in Web Crypto. */
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

/** The part of URL that gates and requests use. */
declare class URL {
  /** @throws TypeError unless the URL is absolute, by itself or with its base */
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

/** The part of Fetch's Headers that header readers use. */
interface Headers {
  get(name: string): string | null;
}

/** Used by the types of structured-headers. */
type BufferSource = ArrayBufferView | ArrayBuffer;
