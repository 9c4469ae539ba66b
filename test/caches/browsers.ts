import type { Random } from "../faults/random.ts";
import { COPY_HEADER } from "./cache.ts";
import { isOn, userIds, type Turn } from "./flags.ts";
import { ASSETS, PAGES, type Page } from "./site.ts";

/** The CONTEXT_SECRET: with it the worker accepts the user id that a request names. */
export const SECRET = "a secret of 26 characters";

/** One browser: its signed-in user, its cookie and its cached pages. */
interface Browser {
  readonly userId?: string;
  cookie: string | undefined;
  readonly copies: Map<string, { readonly etag: string; readonly page: Page }>;
}

/** The faults found, one line each, and how often a cache answered without the worker. */
export interface Tally {
  /** Pages that were made for another visitor, or for an outdated decision. */
  readonly mixUps: string[];
  /** Cookies that a cache gave, or could give, to another visitor. */
  readonly sharedCookies: string[];
  /** GET requests by path. */
  readonly views: Record<string, number>;
  /** GET requests by path that a shared cache answered. */
  readonly copies: Record<string, number>;
}

/** What the cache under test may do. */
export interface Rules {
  /** The cache is in front of the worker, so the worker decides nothing for an answer from the cache. */
  readonly inFront: boolean;
  /** Visitors with the same flags may share a page: the origin sends `Vary: x-flags`. */
  readonly byFlags?: boolean;
}

/** One page view of a browser. */
interface View {
  readonly path: string;
  readonly page: Page;
  readonly answer: Response;
  /** A shared cache answered. */
  readonly isCopy: boolean;
  /** The browser's own copy, confirmed by a 304. It may be older than the cookie. */
  readonly isConfirmed: boolean;
  /** The visitor's id; undefined if the browser sent no cookie and got none. */
  readonly ownId: string | undefined;
}

/** Concurrent requests. */
const AT_ONCE = 8;

/** Browsers whose copies and cookies survive from one `play` to the next. */
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
      const ownCopy = browser.copies.get(path);
      const sent = browser.cookie;
      const headers = {
        ...identityOf(browser),
        ...(ownCopy !== undefined && { "if-none-match": ownCopy.etag }),
      };
      const answer = await fetch(`${origin}${path}`, { method, redirect: "manual", headers });
      const text = await answer.text();
      const isCopy = answer.headers.get(COPY_HEADER) === "HIT";

      const given = takeCookies(path, answer, isCopy);
      browser.cookie ??= given;
      if (method === "HEAD") return;
      tally.views[path] = (tally.views[path] ?? 0) + 1;
      if (isCopy) tally.copies[path] = (tally.copies[path] ?? 0) + 1;
      const isConfirmed = answer.status === 304 && ownCopy !== undefined;
      const page: Page = isConfirmed ? ownCopy.page : JSON.parse(text);
      const etag = answer.headers.get("etag");
      if (etag !== null && answer.status === 200) browser.copies.set(path, { etag, page });
      const cookie = sent ?? given;
      const ownId = browser.userId ?? (cookie === undefined ? undefined : toId(cookie));
      const view = { path, page, answer, isCopy, isConfirmed, ownId };
      const problem = await judge(view, browser.userId !== undefined);
      if (problem !== undefined) tally.mixUps.push(`${path} (${answer.status}): ${problem}`);
    }

    /** Checks that no cookie is shared, and returns the worker's own cookie. */
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
      const { path, page, answer, isCopy, isConfirmed, ownId } = view;
      if (path.startsWith("/assets/"))
        return page.key === null ? undefined : "the worker sent flags for an asset";
      if (rules.inFront && isCopy) return "the cache answered with a page";
      if (page.key === null) return "the worker sent no flags for a page";
      // Without a cookie, each request comes from a new visitor.
      if (ownId === undefined && (rules.byFlags || isConfirmed)) return undefined;
      const isOwn = rules.byFlags || isConfirmed || ownId === undefined || page.key === ownId;
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

/** The anonymous id in the worker's cookie; more may follow after a dot. */
function toId(cookie: string): string {
  return cookie.slice(cookie.indexOf("=") + 1).split(".")[0] ?? "";
}
