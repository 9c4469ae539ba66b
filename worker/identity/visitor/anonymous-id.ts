import { encodeBase64Url } from "../../isolate/bytes.ts";

/** No verified user id may begin with it. So a cookie, which anyone can write, can never claim a listed user id. */
export const ANONYMOUS_PREFIX = "anon-";

/** An id's 16 bytes are 22 base64url characters. */
const FORM = /^anon-[A-Za-z0-9_-]{22}$/;
const BYTES = 16;

/** Whether a text has the form of an anonymous id. */
export function isAnonymousId(text: string): boolean {
  return FORM.test(text);
}

/** The id of the first 16 bytes. */
export function toAnonymousId(bytes: Uint8Array): string {
  return `${ANONYMOUS_PREFIX}${encodeBase64Url(bytes.subarray(0, BYTES))}`;
}

/** A new random id. */
export function mintAnonymousId(): string {
  return toAnonymousId(crypto.getRandomValues(new Uint8Array(BYTES)));
}
