import type { BindingReader } from "../../isolate/bindings.ts";
import { findCookies } from "../../isolate/find-cookies.ts";
import { isAnonymousId, mintAnonymousId } from "./anonymous-id.ts";
import type { CookieSigner } from "./cookie-signer.ts";
import {
  VISITOR_COOKIE,
  formatVisitorCookie,
  parseVisitorCookie,
  toSetCookie,
  type ReceivedCookie,
  type VisitorCookie,
} from "./visitor-cookie.ts";

/** The id that flags with `bucket_by: "anonymousId"` use, and how the browser remembers it. */
export interface VisitorId {
  readonly anonymousId?: string;
  /** The value of `Set-Cookie`; absent when the browser has the right cookie already. */
  readonly setCookie?: string;
}

/** A user that a verified source names. */
export interface Account {
  readonly userId: string;
  /** The anonymous id that the account had before it signed up, as the source says. */
  readonly anonymousId?: string | undefined;
}

/** Finds ids. They are stored in the cookie alone, so the same request gets the same id everywhere. */
export interface VisitorIds {
  ofAnonymous(cookieHeader: string | null): Promise<VisitorId>;
  ofAccount(account: Account, cookieHeader: string | null): Promise<VisitorId>;
}

export interface VisitorIdOptions {
  /** Absent: cookies are not signed, and do not prove who had an id first. */
  readonly signer?: CookieSigner | undefined;
  /** Until when an unsigned cookie is accepted despite keys, in milliseconds since the epoch. */
  readonly unsignedUntil?: number | undefined;
  readonly now?: () => number;
}

/** An older cookie is sent again, so that it ends a year after the last visit and not after the first. */
const RENEWED_AFTER_DAYS = 30;

const DAY_MS = 86_400_000;

/**
 * Reads `UNSIGNED_COOKIES_UNTIL`: until the beginning of that day (UTC), cookies from before there were SIGNING_KEYS are
 * accepted and signed.
 *
 * @returns milliseconds since the epoch; undefined when it is not set or not valid
 */
export function readUnsignedUntil(read: BindingReader): number | undefined {
  if (!read.has("UNSIGNED_COOKIES_UNTIL")) return undefined;
  const fix = "must be a date such as 2027-03-31, or be removed";
  const text = read.text("UNSIGNED_COOKIES_UNTIL", fix, isDate);
  return text === "" ? undefined : Date.parse(text);
}

/** Whether a text is an existing day: `Date.parse` alone would turn 2027-02-31 into 2027-03-03. */
function isDate(text: string): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

export function createVisitorIds({
  signer,
  unsignedUntil = 0,
  now = Date.now,
}: VisitorIdOptions): VisitorIds {
  const today = (): number => Math.floor(now() / DAY_MS);

  /** The first valid cookie. */
  async function find(header: string | null): Promise<ReceivedCookie | undefined> {
    const received = findCookies(header, VISITOR_COOKIE).flatMap((text) => parseVisitorCookie(text) ?? []);
    // Without keys a seal cannot be checked, and a signature is left over from a time with keys.
    if (signer === undefined) return received.map(({ cookie: { id, day } }) => ({ cookie: { id, day } }))[0];
    for (const one of received) if (await signer.verify(one)) return one;
    return now() < unsignedUntil ? received.find(({ signature }) => signature === undefined) : undefined;
  }

  async function issue(
    wanted: Omit<VisitorCookie, "day">,
    received: ReceivedCookie | undefined,
  ): Promise<VisitorId> {
    if (received !== undefined && isSame(wanted, received.cookie) && !isDue(received)) {
      return { anonymousId: wanted.id };
    }
    const cookie: VisitorCookie = { ...wanted, day: today() };
    const value = signer === undefined ? formatVisitorCookie(cookie) : await signer.sign(cookie);
    return { anonymousId: wanted.id, setCookie: toSetCookie(value) };
  }

  function isDue({ cookie: { day }, signature }: ReceivedCookie): boolean {
    // A day in the future comes from a forged cookie, or a clock that was wrong.
    const age = today() - day;
    return age < -1 || age > RENEWED_AFTER_DAYS || signature?.keyId !== signer?.keyId;
  }

  return {
    async ofAnonymous(header) {
      const received = await find(header);
      const { id = mintAnonymousId(), seal } = received?.cookie ?? {};
      return issue({ id, ...(seal !== undefined && { seal }) }, received);
    },

    async ofAccount({ userId, anonymousId }, header) {
      const isForeign = anonymousId !== undefined && !isAnonymousId(anonymousId);
      if (signer === undefined || isForeign) return anonymousId === undefined ? {} : { anonymousId };
      const received = await find(header);
      if (received !== undefined && (anonymousId ?? received.cookie.id) === received.cookie.id) {
        const seal = await signer.claim(received.cookie, userId);
        if (seal !== undefined) return issue({ id: received.cookie.id, seal }, received);
      }
      const id = anonymousId ?? (await signer.toAccountId(userId));
      return issue({ id, seal: await signer.seal(id, userId) }, received);
    },
  };
}

function isSame(a: Omit<VisitorCookie, "day">, b: Omit<VisitorCookie, "day">): boolean {
  return a.id === b.id && a.seal?.keyId === b.seal?.keyId && a.seal?.mac === b.seal?.mac;
}
