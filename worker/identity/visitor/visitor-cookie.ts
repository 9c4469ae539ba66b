/** The cookie that keeps a visitor's place. The prefix binds it to https, to this very host and to every path. */
export const VISITOR_COOKIE = "__Host-sluice-id";

/** What the cookie says. */
export interface VisitorCookie {
  readonly id: string;
  /** The day on which it was sent, in whole days since the epoch; 0 where it does not say. */
  readonly day: number;
  /** To whose account the id belongs; absent while nobody has signed in with it. */
  readonly seal?: Seal;
}

/** A keyed hash of id and account: it tells that an account is the same, and never which one it is. */
export interface Seal {
  readonly keyId: string;
  readonly mac: string;
}

/** The cookie as it came: nothing of it is believed before `signature` has been checked. */
export interface ReceivedCookie {
  readonly cookie: VisitorCookie;
  readonly signature?: {
    readonly keyId: string;
    readonly mac: string;
    /** The text that it signs. */
    readonly content: string;
  };
}

/** `id`, `id.day`, `id.day.key.mac`, `id.day.seal key.seal.key.mac`. No part can hold a dot, so this is linear. */
const FORM =
  /^(?<content>(?<id>anon-[\w-]{22})(?:\.(?<day>\d{1,6})(?:(?:\.(?<sealKey>[\w-]{1,32})\.(?<seal>[\w-]{22}))?\.(?<key>[\w-]{1,32}))?)?)(?:\.(?<mac>[\w-]{43}))?$/;

/** The longest text of that form. */
const MAX_LENGTH = 200;

/** Twelve months: the longest that browsers keep a cookie is little more. */
const MAX_AGE_S = 31_536_000;

/** Reads a value of the cookie; undefined when it is not of its form. */
export function parseVisitorCookie(text: string): ReceivedCookie | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const { content = "", id, day = "0", sealKey, seal, key, mac } = FORM.exec(text)?.groups ?? {};
  // A key without a signature, or the other way round, is neither of the forms.
  if (id === undefined || (key === undefined) !== (mac === undefined)) return undefined;
  const sealed = sealKey !== undefined && seal !== undefined && { seal: { keyId: sealKey, mac: seal } };
  const cookie: VisitorCookie = { id, day: Number(day), ...sealed };
  if (key === undefined || mac === undefined) return { cookie };
  return { cookie, signature: { keyId: key, mac, content } };
}

/** The value without a signature; with a key's id it is what that key signs. */
export function formatVisitorCookie({ id, day, seal }: VisitorCookie, keyId?: string): string {
  const sealed = seal === undefined ? [] : [seal.keyId, seal.mac];
  return [id, day, ...(keyId === undefined ? [] : [...sealed, keyId])].join(".");
}

/** The value of `Set-Cookie`. */
export function toSetCookie(value: string): string {
  return `${VISITOR_COOKIE}=${value}; Path=/; Max-Age=${MAX_AGE_S}; Secure; HttpOnly; SameSite=Lax`;
}
