import type { Random } from "../faults/random.ts";
import { COPY_HEADER } from "./cache.ts";
import { isOn, userIds, type Turn } from "./flags.ts";
import { ASSETS, PAGES, type Page } from "./site.ts";

/** By which the worker believes who has signed in. */
export const SECRET = "a secret of 26 characters";

/** One browser: who has signed in with it, its cookie, and the copies it keeps. */
interface Browser {
  readonly userId?: string;
  cookie: string | undefined;
  readonly copies: Map<string, { readonly etag: string; readonly page: Page }>;
}

/** What went wrong, one line each, and how often caches answered by themselves. */
export interface Tally {
  /** Pages that were made for somebody else, or for a decision that holds no more. */
  readonly mixUps: string[];
  /** Cookies that a cache gave to somebody else, or could. */
  readonly sharedCookies: string[];
  /** By path, of GETs. */
  readonly views: Record<string, number>;
  readonly copies: Record<string, number>;
}

/** What a cache may do. */
export interface Rules {
  /** It stands before the worker: what it answers by itself has met nobody's decision. */
  readonly inFront: boolean;
  /** A page may be that of another visitor with the same flags: so says an origin by `Vary: x-flags`. */
  readonly byFlags?: boolean;
}

/** What a browser saw. */
interface View {
  readonly path: string;
  readonly page: Page;
  readonly answer: Response;
  /** A shared cache had it. */
  readonly isCopy: boolean;
  /** The browser had it, and it was confirmed: it may be from before there was a cookie. */
  readonly isHeld: boolean;
  /** Whose view it was; undefined for a visitor without a cookie, and who was not given one. */
  readonly ownId: string | undefined;
}

/** How many ask at the same time. */
const AT_ONCE = 8;

/** Browsers with their copies and cookies, which go on from one `play` to the next. */
export function openBrowsers(random: Random) {
  const browsers: Browser[] = userIds.map((userId) => ({ userId, cookie: undefined, copies: new Map() }));
  const ids = new Set<string>();

  /** Views pages and assets in random order, signed in and not, old visitors and new ones. */
  async function play(url: string, views: number, turn: Turn, rules: Rules): Promise<Tally> {
    const tally: Tally = { mixUps: [], sharedCookies: [], views: {}, copies: {} };
    let left = views;
    const askInTurn = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const browser: Browser = random.chance(0.1)
          ? { cookie: undefined, copies: new Map() }
          : random.pick(browsers);
        if (!browsers.includes(browser)) browsers.push(browser);
        const path = random.pick([...PAGES, ...ASSETS]);
        await ask(browser, url, path, random.chance(0.1) ? "HEAD" : "GET");
      }
    };

    async function ask(browser: Browser, origin: string, path: string, method: string): Promise<void> {
      const held = browser.copies.get(path);
      const sent = browser.cookie;
      const headers = { ...identityOf(browser), ...(held !== undefined && { "if-none-match": held.etag }) };
      const answer = await fetch(`${origin}${path}`, { method, redirect: "manual", headers });
      const text = await answer.text();
      const isCopy = answer.headers.get(COPY_HEADER) === "HIT";

      const given = takeCookies(path, answer, isCopy);
      browser.cookie ??= given;
      if (method === "HEAD") return;
      tally.views[path] = (tally.views[path] ?? 0) + 1;
      if (isCopy) tally.copies[path] = (tally.copies[path] ?? 0) + 1;
      const isHeld = answer.status === 304 && held !== undefined;
      const page: Page = isHeld ? held.page : JSON.parse(text);
      const etag = answer.headers.get("etag");
      if (etag !== null && answer.status === 200) browser.copies.set(path, { etag, page });
      const cookie = sent ?? given;
      const ownId = browser.userId ?? (cookie === undefined ? undefined : toId(cookie));
      const view = { path, page, answer, isCopy, isHeld, ownId };
      const problem = await judge(view, browser.userId !== undefined);
      if (problem !== undefined) tally.mixUps.push(`${path} (${answer.status}): ${problem}`);
    }

    /** Gives the worker's. */
    function takeCookies(path: string, answer: Response, isCopy: boolean): string | undefined {
      const cookies = answer.headers.getSetCookie();
      if (cookies.length === 0) return undefined;
      const isOwn = /\b(?:private|no-store)\b/.test(answer.headers.get("cache-control") ?? "");
      if (!isOwn || (rules.inFront && isCopy)) tally.sharedCookies.push(`${path}: ${cookies.join(" | ")}`);
      const given = cookies
        .map((text) => text.split(";")[0] ?? "")
        .find((text) => text.startsWith("__Host-sluice-id="));
      if (given === undefined) return undefined;
      if (ids.has(toId(given))) tally.sharedCookies.push(`${path}: the id of another browser`);
      ids.add(toId(given));
      return given;
    }

    async function judge(view: View, isUser: boolean): Promise<string | undefined> {
      const { path, page, answer, isCopy, isHeld, ownId } = view;
      if (path.startsWith("/assets/")) return page.key === null ? undefined : "an asset was decided";
      if (rules.inFront && isCopy) return "a page came out of the cache";
      if (page.key === null) return "a page was not decided";
      // Whoever has no cookie yet is somebody new with every request.
      if (ownId === undefined && (rules.byFlags || isHeld)) return undefined;
      const isOwn = rules.byFlags || isHeld || ownId === undefined || page.key === ownId;
      if (!isOwn) return "the page of another visitor";
      const id = ownId ?? page.key;
      const right = (await isOn(turn, isUser ? { userId: id } : { anonymousId: id })) ? "on" : "off";
      if (page.flag !== right) return `${page.flag} instead of ${right}`;
      const location = answer.headers.get("location");
      return location === null || location === `/${right}` ? undefined : `redirected to ${location}`;
    }

    await Promise.all(Array.from({ length: AT_ONCE }, askInTurn));
    return tally;
  }

  return { play };
}

function identityOf({ userId, cookie }: Browser): Record<string, string> {
  const claim = JSON.stringify({ userId });
  return {
    ...(cookie !== undefined && { cookie }),
    ...(userId !== undefined && {
      "x-sluice-context": Buffer.from(claim).toString("base64url"),
      "x-sluice-proof": SECRET,
    }),
  };
}

/** The anonymous id in the worker's cookie, which may say more behind a dot. */
function toId(cookie: string): string {
  return cookie.slice(cookie.indexOf("=") + 1).split(".")[0] ?? "";
}
