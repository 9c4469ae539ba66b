import { encodeBase64Url } from "../../isolate/bytes.ts";

/** No verified user id may begin with it, so a cookie, which anyone can write, can never claim a listed id. */
export const ANONYMOUS_PREFIX = "anon-";

/** An id's 16 bytes are 22 base64url characters. */
const FORM = /^anon-[A-Za-z0-9_-]{22}$/;
const BYTES = 16;

/** Whether a text is an anonymous id of ours by its form. */
export function isAnonymousId(text: string): boolean {
  return FORM.test(text);
}

/** The id that 16 bytes are; more are cut. */
export function toAnonymousId(bytes: Uint8Array): string {
  return `${ANONYMOUS_PREFIX}${encodeBase64Url(bytes.subarray(0, BYTES))}`;
}

/** A new id, random and meaningless. */
export function mintAnonymousId(): string {
  return toAnonymousId(crypto.getRandomValues(new Uint8Array(BYTES)));
}
