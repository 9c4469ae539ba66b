import { acceptsHtml, isHtml } from "../../isolate/html.ts";

/** The cookie with a visitor's anonymous id. The prefix binds it to https, to exactly this host and to every path. */
export const VISITOR_COOKIE = "__Host-sluice-id";

/** The content of the cookie. */
export interface VisitorCookie {
  readonly id: string;
  /** The day on which it was sent, in whole days since the epoch; 0 when it does not say. */
  readonly day: number;
  /** The account that the id belongs to; absent while nobody has signed in with it. */
  readonly seal?: Seal;
}

/** A keyed hash of id and account: it recognizes an account without naming it. */
export interface Seal {
  readonly keyId: string;
  readonly mac: string;
}

/** The cookie as received; nothing of it is trusted until `signature` has been verified. */
export interface ReceivedCookie {
  readonly cookie: VisitorCookie;
  readonly signature?: {
    readonly keyId: string;
    readonly mac: string;
    /** The signed text. */
    readonly content: string;
  };
}

/** `id`, `id.day`, `id.day.key.mac`, `id.day.seal key.seal.key.mac`. No part can contain a dot, so matching is linear. */
const FORM =
  /^(?<content>(?<id>anon-[\w-]{22})(?:\.(?<day>\d{1,6})(?:(?:\.(?<sealKey>[\w-]{1,32})\.(?<seal>[\w-]{22}))?\.(?<key>[\w-]{1,32}))?)?)(?:\.(?<mac>[\w-]{43}))?$/;

/** The longest text of that form. */
const MAX_LENGTH = 200;

/** Twelve months: browsers keep no cookie for much longer. */
const MAX_AGE_S = 31_536_000;

/** Reads a value of the cookie; undefined when it has another form. */
export function parseVisitorCookie(text: string): ReceivedCookie | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const { content = "", id, day = "0", sealKey, seal, key, mac } = FORM.exec(text)?.groups ?? {};
  // The expression also matches a key without a signature, and a signature without a key.
  if (id === undefined || (key === undefined) !== (mac === undefined)) return undefined;
  const sealed = sealKey !== undefined && seal !== undefined && { seal: { keyId: sealKey, mac: seal } };
  const cookie: VisitorCookie = { id, day: Number(day), ...sealed };
  if (key === undefined || mac === undefined) return { cookie };
  return { cookie, signature: { keyId: key, mac, content } };
}

/** The value without a signature; with a key's id it is the text that this key signs. */
export function formatVisitorCookie({ id, day, seal }: VisitorCookie, keyId?: string): string {
  const sealed = seal === undefined ? [] : [seal.keyId, seal.mac];
  return [id, day, ...(keyId === undefined ? [] : [...sealed, keyId])].join(".");
}

/** The value of `Set-Cookie`. */
export function toSetCookie(value: string): string {
  return `${VISITOR_COOKIE}=${value}; Path=/; Max-Age=${MAX_AGE_S}; Secure; HttpOnly; SameSite=Lax`;
}

/**
 * Makes a browser that needs the cookie ask for the whole document. A page that is only confirmed (304) would never bring
 * the cookie, and its visitor would be new each time, or keep a cookie of a key that is about to be removed.
 *
 * @param headers those that go on to the origin
 * @param setCookie undefined when the browser has the right cookie already
 */
export function askForDocument(request: Request, headers: Headers, setCookie: string | undefined): void {
  if (setCookie === undefined || !isRead(request) || !acceptsHtml(headers)) return;
  headers.delete("if-none-match");
  headers.delete("if-modified-since");
}

/**
 * Adds the visitor's cookie to a document. Any other answer is returned unchanged, and the next document brings the
 * cookie.
 *
 * @param response a private one (`toPrivateAnswer`): a shared cache would give one visitor's id to all others
 * @param setCookie undefined when the browser has the right cookie already
 */
export function addVisitorCookie(
  request: Request,
  response: Response,
  setCookie: string | undefined,
): Response {
  if (setCookie === undefined || !isDocument(request, response)) return response;
  const copy = new Response(response.body, response);
  copy.headers.append("set-cookie", setCookie);
  return copy;
}

function isDocument(request: Request, response: Response): boolean {
  // A 304 changes the headers of a copy in a cache; a 101 cannot be copied.
  return isRead(request) && response.status !== 304 && response.status !== 101 && isHtml(response);
}

const isRead = ({ method }: Request): boolean => method === "GET" || method === "HEAD";
