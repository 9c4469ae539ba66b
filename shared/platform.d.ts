/**
 * All that shared/ may touch beyond ECMAScript: Web Crypto's digest and the UTF-8 codecs. Declared by hand,
 * and seen by shared/tsconfig.json alone, so that a `fetch`, a `console` or a `process` here is a type error.
 */
interface SubtleCrypto {
  digest(algorithm: "SHA-256", data: Uint8Array): Promise<ArrayBuffer>;
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

/** The part of Fetch's Headers that a reader of headers needs. */
interface Headers {
  get(name: string): string | null;
}

/** Named by structured-headers' types. */
type BufferSource = ArrayBufferView | ArrayBuffer;
