import { readFile } from "node:fs/promises";
import type { Page as Tab } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import type { Browser } from "./chromium.ts";
import { goBack } from "./go-back.ts";
import { openForAll } from "./open-for-all.ts";
import { readPage, visit } from "./read-page.ts";
import { SHOP, type Shop } from "./shop.ts";

let shop: Shop;
let browser: Browser;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  await shop.make("ai_search", 100);
  await shop.make("ai_page", 0, { gates: [{ pattern: "/ai/*", otherwise: { redirect: "/" } }] });
});
beforeEach(() => shop.toggle("ai_search", true));

const openTab = (): Promise<Tab> => browser.context.newPage();
const isOn = async (tab: Tab): Promise<boolean> => (await readPage(tab)).flags.includes("ai_search");
/** The requests that the site got since then, each with the entity tag of the browser's copy. */
const askedSince = (before: number) =>
  shop.site.seen.slice(before).map(({ url, headers }) => [url, headers["if-none-match"]] as const);

const doc = await readFile(new URL("../../docs/caching.md", import.meta.url), "utf8");

describe("after a kill, as in docs/caching.md", () => {
  /** The pages of the site, by their caching headers in the table. */
  const PATHS: Readonly<Record<string, string>> = {
    nothing: "/page",
    "`ETag` alone": "/tagged",
    "`public, max-age=600`": "/for-all",
    "`private, max-age=60`": "/own-minute",
    "`no-store`": "/never-kept",
  };

  const [, table = ""] = doc.split(/^\| the origin says +\| reload .*\n\|[- |]*\n/m);
  const rows = table
    .slice(0, table.indexOf("\n\n"))
    .split("\n")
    .map((row) =>
      row
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, -1),
    );

  it("the table has all five rows", () => {
    expect(rows.map(([says = ""]) => PATHS[says])).toEqual(Object.values(PATHS));
  });

  it.each(rows)(
    "%s: reload %s, view %s, back %s, back from the cache %s, prerendered %s",
    async (says, ...expected) => {
      const url = `${SHOP}${PATHS[says]}`;
      const tabs = {
        memory: await openTab(),
        cache: await openTab(),
        view: await openTab(),
        early: await openTab(),
      };
      for (const tab of [tabs.view, tabs.memory, tabs.cache]) await visit(tab, url);
      // A page with an `unload` listener is not kept in the back/forward cache.
      await tabs.cache.evaluate(() => addEventListener("unload", () => undefined));
      await tabs.memory.evaluate(() => Object.assign(globalThis, { isTheSame: true }));
      for (const tab of [tabs.memory, tabs.cache]) await visit(tab, `${SHOP}/other`);
      const before = shop.site.seen.length;
      const early = `${PATHS[says]}?early`;
      const rules = JSON.stringify({ prerender: [{ urls: [early], eagerness: "immediate" }] });
      shop.site.guestbook = `<script type="speculationrules">${rules}</script><a href="${early}">it</a>`;
      await tabs.early.goto(`${SHOP}/guest`);
      await expect.poll(() => askedSince(before).map(([asked]) => asked)).toContain(early);

      await shop.sluice("kill", "ai_search");
      const shown: boolean[] = [];
      for (const tab of [tabs.memory, tabs.cache]) {
        await goBack(tab);
        shown.push(await isOn(tab));
      }
      expect(await tabs.memory.evaluate(() => "isTheSame" in globalThis)).toBe(true);
      const entries = await tabs.cache.evaluate(() =>
        JSON.stringify(performance.getEntriesByType("navigation")),
      );
      expect(entries).toContain('"type":"back_forward"');
      await tabs.early.getByRole("link").click();
      await tabs.early.waitForURL(`${SHOP}${early}`);
      shown.push(await isOn(tabs.early));
      // The view comes before the reload, because a reload replaces the copy.
      await tabs.view.goto(url);
      shown.unshift(await isOn(tabs.view));
      await tabs.view.reload();
      shown.unshift(await isOn(tabs.view));
      expect(shown.map((on) => (on ? "old" : "new"))).toEqual(expected);
    },
  );

  it.each([
    ["memory", ""],
    ["the cache", "<script>addEventListener('unload', () => undefined)</script>"],
  ])("a page that reloads itself on `pageshow` is new after going back to %s", async (_from, more) => {
    const [, script = ""] = /^ *```html\n(.*?)^ *```$/ms.exec(doc) ?? [];
    expect(script).toContain("pageshow");
    shop.site.guestbook = script + more;
    const tab = await openTab();
    expect((await visit(tab, `${SHOP}/guest`)).flags).toEqual(["ai_search"]);
    await visit(tab, `${SHOP}/other`);
    await shop.toggle("ai_search", false);
    const before = shop.site.seen.length;
    await goBack(tab);
    await expect.poll(() => isOn(tab)).toBe(false);
    await visit(tab, `${SHOP}/other`);
    expect(askedSince(before).map(([url]) => url)).toEqual(["/guest", "/other"]);
  });
});

describe("a copy", () => {
  it("is confirmed by a 304 while the decision is unchanged, and replaced after it changed", async () => {
    const tab = await openTab();
    // Get the cookie first: an answer that sets it is never a 304.
    await visit(tab, SHOP);
    const before = shop.site.seen.length;
    const first = await visit(tab, `${SHOP}/tagged?copy`);
    expect(await visit(tab, `${SHOP}/tagged?copy`)).toEqual(first);
    await shop.toggle("ai_search", false);
    const off = await visit(tab, `${SHOP}/tagged?copy`);
    expect(off.flags).toEqual([]);
    expect(await visit(tab, `${SHOP}/tagged?copy`)).toEqual(off);
    await shop.toggle("ai_search", true);
    expect((await visit(tab, `${SHOP}/tagged?copy`)).flags).toEqual(["ai_search"]);
    expect(askedSince(before).map(([, condition]) => condition)).toEqual([
      ...[undefined, '"build-7"', undefined, '"build-7"', undefined],
    ]);
  });

  it("of a page prefetched by `<link rel=prefetch>` is not used", async () => {
    const tab = await openTab();
    const before = shop.site.seen.length;
    shop.site.guestbook = '<link rel="prefetch" href="/page?ahead"><a href="/page?ahead">it</a>';
    await visit(tab, `${SHOP}/guest`);
    await expect.poll(() => askedSince(before).map(([url]) => url)).toContain("/page?ahead");
    await shop.toggle("ai_search", false);
    await tab.getByRole("link").click();
    await tab.waitForURL(`${SHOP}/page?ahead`);
    expect(await isOn(tab)).toBe(false);
  });

  it("of an answer that a script fetched is not used", async () => {
    const tab = await openTab();
    await visit(tab, SHOP);
    const fetchFlags = (): Promise<readonly string[]> =>
      tab.evaluate(async () => ((await (await fetch("/api/flags")).json()) as { flags: string[] }).flags);
    expect(await fetchFlags()).toEqual(["ai_search"]);
    await shop.toggle("ai_search", false);
    expect(await fetchFlags()).toEqual([]);
  });

  it("of a redirect is never made: neither of a gate's, nor of a permanent one of the site", async () => {
    const tab = await openTab();
    expect((await visit(tab, `${SHOP}/ai/chat`)).path).toBe("/");
    expect((await visit(tab, `${SHOP}/moved`)).path).toBe("/on");
    await shop.rollOut("ai_page", 100);
    await shop.toggle("ai_search", false);
    expect((await visit(tab, `${SHOP}/ai/chat`)).path).toBe("/ai/chat");
    expect((await visit(tab, `${SHOP}/moved`)).path).toBe("/off");
    await shop.rollOut("ai_page", 0);
    expect((await visit(tab, `${SHOP}/ai/chat`)).path).toBe("/");
  });
});

describe("a service worker", () => {
  const KEEPS_PAGES = `event.respondWith((async () => {
    const kept = await caches.open("pages");
    const copy = await kept.match(event.request);
    if (copy) return copy;
    const answer = await fetch(event.request);
    await kept.put(event.request, answer.clone());
    return answer;
  })())`;

  it.each([
    ["that answers pages from its cache shows the old page", KEEPS_PAGES, true],
    [
      "that leaves pages to the network shows the new page",
      `if (event.request.mode !== "navigate") ${KEEPS_PAGES}`,
      false,
    ],
  ])("%s", async (_what, code, isOld) => {
    const tab = await openTab();
    await visit(tab, SHOP);
    await tab.evaluate(
      async (address) => {
        await navigator.serviceWorker.register(address);
        await navigator.serviceWorker.ready;
      },
      `/worker.js?code=${encodeURIComponent(`addEventListener("fetch", (event) => { ${code} })`)}`,
    );
    try {
      await visit(tab, `${SHOP}/kept`);
      expect(await tab.evaluate(() => navigator.serviceWorker.controller?.state)).toBe("activated");
      await shop.toggle("ai_search", false);
      await visit(tab, `${SHOP}/kept`);
      expect(await isOn(tab)).toBe(isOld);
    } finally {
      await tab.evaluate(async () => {
        await (await navigator.serviceWorker.ready).unregister();
        await caches.delete("pages");
      });
    }
  });
});
