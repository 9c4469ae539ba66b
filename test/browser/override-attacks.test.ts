import type { Page as Tab } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { OVERRIDE_PATH } from "../../shared/flag/override.ts";
import { readTarget } from "../../worker/pages/override-link.ts";
import type { Browser } from "./chromium.ts";
import { goBack } from "./go-back.ts";
import { openForAll } from "./open-for-all.ts";
import { hasOverride, openOverrides, type SignedLinks } from "./override-links.ts";
import { PAGE_REQUESTS, askByAll, script } from "./page-requests.ts";
import { visit } from "./read-page.ts";
import { SHOP, SIBLING, STRANGER, type Shop } from "./shop.ts";

let shop: Shop;
let links: SignedLinks;
let browser: Browser;
let tab: Tab;
let link: string;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  await shop.make("ai_search", 0);
  links = openOverrides(shop);
  link = await links.sign({ ai_search: "on" }, "/page");
});
beforeEach(async () => {
  await browser.context.clearCookies();
  tab = await browser.context.newPage();
});

/** The sites of the attacking pages: another site, a sibling host, and a page of the shop with a guest's HTML. */
const ATTACKERS = [STRANGER, SIBLING, SHOP] as const;

/** Opens a page with this HTML at one of these sites. */
async function attack(from: string, html: string): Promise<void> {
  shop.site.guestbook = html;
  shop.strangers.pages.set("/guest", html);
  await tab.goto(`${from}/guest`);
}

/** Ways to send a visitor to an address, with or without a click. */
const LEADING: Readonly<Record<string, (url: URL) => string>> = {
  location: (url) => script(`location = "${url}"`),
  refresh: (url) => `<meta http-equiv="refresh" content="0; url=${url}">`,
  form: ({ origin, pathname, searchParams }) => {
    const fields = Array.from(searchParams, ([name, value]) => `<input name="${name}" value="${value}">`);
    return `<form action="${origin}${pathname}">${fields.join("")}</form>${script("document.forms[0].submit()")}`;
  },
  link: (url) => `<a href="${url}">a prize</a>${script("document.links[0].click()")}`,
};

const toForm = (url: string): string =>
  `<form method="post" action="${url}"></form>${script("document.forms[0].submit()")}`;

describe.each(ATTACKERS)("a page of %s", (from) => {
  it("puts nothing into force by requests that nobody sees", async () => {
    // Each request has a twin to a witness page, which proves that the browser sent it.
    const witness = (name: string): string => `/witness-${name}`;
    const before = shop.site.seen.length;
    await attack(from, askByAll(() => link) + askByAll((name) => `${SHOP}${witness(name)}`));
    const asked = (): readonly string[] => shop.site.seen.slice(before).map(({ url }) => url);
    await expect.poll(asked).toEqual(expect.arrayContaining(Object.keys(PAGE_REQUESTS).map(witness)));
    expect(await hasOverride(browser.context)).toBe(false);
    expect((await visit(tab, SHOP)).override).toEqual([]);
  });

  it.each(Object.entries(LEADING))(
    "that sends a visitor to a link by %s gets a page that asks first",
    async (_name, make) => {
      await attack(from, make(new URL(link)));
      await tab.getByRole("button", { name: "Activate it" }).waitFor();
      expect(await hasOverride(browser.context)).toBe(false);
    },
  );

  it("that opens the link in a new window gets a page that asks first", async () => {
    const opened = browser.context.waitForEvent("page");
    await attack(from, script(`open("${link}")`));
    await (await opened).getByRole("button", { name: "Activate it" }).waitFor();
    expect(await hasOverride(browser.context)).toBe(false);
  });

  it("cannot show the override pages in a frame", async () => {
    const pages = [links.page, link];
    await attack(from, pages.map((url) => `<iframe src="${url}"></iframe>`).join(""));
    const shown = (): readonly string[] => tab.frames().map((frame) => frame.url());
    const refused = "chrome-error://chromewebdata/";
    await expect.poll(shown).toEqual([`${from}/guest`, refused, refused]);
  });
});

describe.each([STRANGER, SIBLING])("a form of %s", (from) => {
  it("can neither start nor end an override", async () => {
    await attack(from, toForm(link));
    await tab.getByText("from this page only").waitFor();
    expect(await hasOverride(browser.context)).toBe(false);

    await tab.goto(link);
    expect(await hasOverride(browser.context)).toBe(true);
    await attack(from, toForm(links.page));
    await tab.getByText("from this page only").waitFor();
    expect(await hasOverride(browser.context)).toBe(true);
  });
});

describe("a link that is fetched ahead", () => {
  const EARLY = ["prefetch", "prerender"] as const;

  it.each(EARLY)("%s puts nothing into force, and the link still works afterwards", async (how) => {
    const urls = [link, `${SHOP}/witness-${how}`];
    const rules = JSON.stringify({ [how]: [{ urls, eagerness: "immediate" }] });
    const before = shop.site.seen.length;
    await attack(
      SHOP,
      `<script type="speculationrules">${rules}</script><a href="${link.replaceAll("&", "&amp;")}">it</a>`,
    );
    const asked = (): readonly string[] => shop.site.seen.slice(before).map(({ url }) => url);
    await expect.poll(asked).toContain(`/witness-${how}`);
    expect(await hasOverride(browser.context)).toBe(false);

    await tab.getByRole("link").click();
    await tab.getByRole("button", { name: "Activate it" }).click();
    await tab.waitForURL(`${SHOP}/page`);
    expect(await hasOverride(browser.context)).toBe(true);
  });
});

describe("the token", () => {
  it("reaches neither the site, nor its scripts, nor the sites that its pages link to", async () => {
    const token = new URL(link).searchParams.get("token") ?? "";
    const before = { site: shop.site.seen.length, strangers: shop.strangers.seen.length };
    const revealing = '<meta name="referrer" content="unsafe-url"><img src="https://evil.example/pixel">';
    const leading = await links.sign({ ai_search: "on" }, "/guest");

    // Opened by hand, and through the page that asks, whose address stays in the tab's history.
    for (const from of [undefined, STRANGER]) {
      await browser.context.clearCookies();
      shop.site.guestbook = revealing;
      if (from === undefined) await tab.goto(leading);
      else {
        await attack(from, script(`location = "${leading}"`));
        await tab.getByRole("button").waitFor();
        shop.site.guestbook = revealing;
        await tab.getByRole("button").click();
      }
      await tab.waitForURL(`${SHOP}/guest`);
      await tab.waitForLoadState("load");
      const readable = await tab.evaluate(() =>
        JSON.stringify([
          performance.getEntries(),
          document.referrer,
          document.cookie,
          navigation.entries().map(({ url }) => url),
        ]),
      );
      for (const secret of [token, "eyJ"]) expect(readable).not.toContain(secret);
    }
    const heard = JSON.stringify([
      shop.site.seen.slice(before.site),
      shop.strangers.seen.slice(before.strangers),
    ]);
    expect(heard).toContain("//evil.example/pixel");
    expect(heard).not.toContain("eyJ");
    expect(shop.log).not.toContain("eyJ");
  });

  it("does not start an ended override again by going back and forward", async () => {
    await attack(STRANGER, `<a href="${link}">it</a>`);
    await tab.getByRole("link").click();
    await tab.getByRole("button", { name: "Activate it" }).click();
    await tab.waitForURL(`${SHOP}/page`);
    await tab.goto(links.page);
    await tab.getByRole("button", { name: "End it now" }).click();
    await tab.getByText("No override is active.").waitFor();
    // Back to the page, to the page that asks and to the stranger's page, and forward again.
    for (const steps of [1, 1, 1, -1, -1, -1]) {
      await goBack(tab, steps);
      await tab.waitForFunction(() => document.readyState === "complete");
      expect(await hasOverride(browser.context)).toBe(false);
    }
    await tab.getByText("No override is active.").waitFor();
  });
});

describe("the target of a link", () => {
  // Parts that browsers and servers have read as another host.
  const PARTS = [
    "/",
    "\\",
    ".",
    "..",
    "%2f",
    "%5c",
    "@",
    ":",
    "?",
    "#",
    "\t",
    "\n",
    "evil.example",
    "https:",
    " ",
  ];

  it("never leads to another site, as the browser itself reads it", async () => {
    const targets = PARTS.flatMap((one) =>
      PARTS.flatMap((two) => PARTS.map((three) => `${one}${two}${three}evil.example`)),
    )
      .flatMap((to) => [to, `/${to}`])
      .flatMap((to) => readTarget(to) ?? []);
    expect(targets.length).toBeGreaterThan(1_000);
    await tab.goto(links.page);
    const origins = await tab.evaluate((all) => all.map((to) => new URL(to, location.href).origin), targets);
    expect(new Set(origins)).toEqual(new Set([SHOP]));
  });

  it.each([
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/.//evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
  ])("a link to %j is refused and sets no cookie", async (to) => {
    const hostile = `${SHOP}${OVERRIDE_PATH}?token=${new URL(link).searchParams.get("token")}&to=${encodeURIComponent(to)}`;
    expect((await tab.goto(hostile))?.status()).toBe(400);
    expect(new URL(tab.url()).origin).toBe(SHOP);
    expect(await hasOverride(browser.context)).toBe(false);
  });
});
