import { isAnonymousId, mintAnonymousId } from "./anonymous-id.ts";
import type { CookieSigner } from "./cookie-signer.ts";
import { findCookies } from "../../isolate/find-cookies.ts";
import {
  VISITOR_COOKIE,
  formatVisitorCookie,
  parseVisitorCookie,
  toSetCookie,
  type ReceivedCookie,
  type VisitorCookie,
} from "./visitor-cookie.ts";

/** Where flags with `bucket_by: "anonymousId"` see a visitor, and how the browser is to remember it. */
export interface Place {
  readonly anonymousId?: string;
  /** The value of `Set-Cookie`; absent when the browser holds the right cookie already. */
  readonly setCookie?: string;
}

/** Somebody whom a verified source names. */
export interface Account {
  readonly userId: string;
  /** The anonymous id that the source says this account had before it was one. */
  readonly anonymousId?: string | undefined;
}

/** Finds places. Nothing is kept anywhere but in the cookie, so the same request gives the same place everywhere. */
export interface Places {
  ofAnonymous(cookieHeader: string | null): Promise<Place>;
  ofAccount(account: Account, cookieHeader: string | null): Promise<Place>;
}

export interface PlacesOptions {
  /** Absent: cookies are not signed, and prove nothing about who had an id first. */
  readonly signer?: CookieSigner;
  /** Until when a cookie that nobody signed is taken all the same, in milliseconds since the epoch. */
  readonly unsignedUntil?: number;
  readonly now?: () => number;
}

/** A cookie that is older is sent again, so that it ends a year after the last visit and not after the first. */
const RENEWED_AFTER_DAYS = 30;

const DAY_MS = 86_400_000;

export function createPlaces({ signer, unsignedUntil = 0, now = Date.now }: PlacesOptions): Places {
  const today = (): number => Math.floor(now() / DAY_MS);

  /** The cookie that counts: of several, the first that holds. */
  async function find(header: string | null): Promise<ReceivedCookie | undefined> {
    const received = findCookies(header, VISITOR_COOKIE).flatMap((text) => parseVisitorCookie(text) ?? []);
    // Without keys a seal cannot be checked, and a signature is left over from when there were some.
    if (signer === undefined) return received.map(({ cookie: { id, day } }) => ({ cookie: { id, day } }))[0];
    for (const one of received) if (await signer.verify(one)) return one;
    return now() < unsignedUntil ? received.find(({ signature }) => signature === undefined) : undefined;
  }

  async function place(wanted: Omit<VisitorCookie, "day">, held: ReceivedCookie | undefined): Promise<Place> {
    if (held !== undefined && isSame(wanted, held.cookie) && !isDue(held)) return { anonymousId: wanted.id };
    const cookie: VisitorCookie = { ...wanted, day: today() };
    const value = signer === undefined ? formatVisitorCookie(cookie) : await signer.sign(cookie);
    return { anonymousId: wanted.id, setCookie: toSetCookie(value) };
  }

  function isDue({ cookie: { day }, signature }: ReceivedCookie): boolean {
    // A date to come is one that somebody wrote himself, or a clock that was wrong.
    const age = today() - day;
    return age < -1 || age > RENEWED_AFTER_DAYS || signature?.keyId !== signer?.keyId;
  }

  return {
    async ofAnonymous(header) {
      const held = await find(header);
      const { id = mintAnonymousId(), seal } = held?.cookie ?? {};
      return place({ id, ...(seal !== undefined && { seal }) }, held);
    },

    async ofAccount({ userId, anonymousId }, header) {
      const isForeign = anonymousId !== undefined && !isAnonymousId(anonymousId);
      if (signer === undefined || isForeign) return anonymousId === undefined ? {} : { anonymousId };
      const held = await find(header);
      if (held !== undefined && (anonymousId ?? held.cookie.id) === held.cookie.id) {
        const seal = await signer.claim(held.cookie, userId);
        if (seal !== undefined) return place({ id: held.cookie.id, seal }, held);
      }
      const id = anonymousId ?? (await signer.toAccountId(userId));
      return place({ id, seal: await signer.seal(id, userId) }, held);
    },
  };
}

function isSame(a: Omit<VisitorCookie, "day">, b: Omit<VisitorCookie, "day">): boolean {
  return a.id === b.id && a.seal?.keyId === b.seal?.keyId && a.seal?.mac === b.seal?.mac;
}
