import { setTimeout as sleep } from "node:timers/promises";
import type { Page as Tab } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import type { Browser } from "./chromium.ts";
import { openForAll } from "./open-for-all.ts";
import { hasOverride, openOverrides, type SignedLinks } from "./override-links.ts";
import { readPage, visit } from "./read-page.ts";
import { SHOP, STRANGER, type Shop } from "./shop.ts";

let shop: Shop;
let links: SignedLinks;
let browser: Browser;
let tab: Tab;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  await shop.make("ai_search", 0, { gates: [{ pattern: "/ai/*", otherwise: { redirect: "/" } }] });
  links = openOverrides(shop);
});
beforeEach(async () => {
  await browser.context.clearCookies({ name: "__Host-sluice-override" });
  tab = await browser.context.newPage();
});

it("the link that `sluice override` prints turns a feature on in one browser, until its button ends it", async () => {
  const words = ["override", "ai_search=on", "--for", "2h", "--url", `${SHOP}/ai/chat`];
  const [link = ""] = (await shop.sluice(...words)).split("\n");
  expect((await visit(tab, `${SHOP}/ai/chat`)).path).toBe("/");

  await tab.goto(link);
  expect(tab.url()).toBe(`${SHOP}/ai/chat`);
  const forced = { path: "/ai/chat", flags: ["ai_search"], override: ["ai_search"] };
  expect(await readPage(tab)).toMatchObject(forced);
  await browser.restart();
  tab = await browser.context.newPage();
  expect(await visit(tab, `${SHOP}/ai/chat`)).toMatchObject(forced);

  const other = await browser.openOther();
  expect((await visit(await other.newPage(), `${SHOP}/ai/chat`)).path).toBe("/");
  await other.close();

  await tab.goto(links.page);
  expect(await tab.getByRole("listitem").allInnerTexts()).toEqual(["ai_search: on"]);
  await tab.getByRole("button", { name: "End it now" }).click();
  await tab.getByText("No override is active.").waitFor();
  expect(await hasOverride(browser.context)).toBe(false);
  expect(await visit(tab, `${SHOP}/ai/chat`)).toMatchObject({ path: "/", flags: [], override: [] });
});

it("a link on another page asks first, and its button puts the override into force", async () => {
  shop.strangers.pages.set(
    "/",
    `<a href="${await links.sign({ ai_search: "on" }, "/ai/chat?q=1#end")}">Try it</a>`,
  );
  await tab.goto(STRANGER);
  await tab.getByRole("link").click();
  const button = tab.getByRole("button", { name: "Activate it" });
  await button.waitFor();
  expect(await tab.getByRole("listitem").allInnerTexts()).toEqual(["ai_search: on"]);
  expect(await hasOverride(browser.context)).toBe(false);

  await button.click();
  await tab.waitForURL(`${SHOP}/ai/chat?q=1#end`);
  expect(await readPage(tab)).toMatchObject({ path: "/ai/chat", override: ["ai_search"] });
});

it("a redirect from another site's page asks first, and a redirect that was opened by hand does not", async () => {
  shop.strangers.redirects.set("/on", await links.sign({ ai_search: "on" }, "/page"));
  shop.strangers.pages.set("/", '<a href="/on">Try it</a>');
  await tab.goto(STRANGER);
  await tab.getByRole("link").click();
  await tab.getByRole("button", { name: "Activate it" }).waitFor();
  expect(await hasOverride(browser.context)).toBe(false);

  await tab.goto(`${STRANGER}/on`);
  expect(tab.url()).toBe(`${SHOP}/page`);
  expect(await hasOverride(browser.context)).toBe(true);
});

it("an override ends by itself", async () => {
  await tab.goto(await links.signBriefly({ ai_search: "on" }, "/page", 3));
  expect((await readPage(tab)).override).toEqual(["ai_search"]);
  while (await hasOverride(browser.context)) await sleep(50);
  expect((await visit(tab, `${SHOP}/page`)).flags).toEqual([]);

  const ended = await links.signBriefly({ ai_search: "on" }, "/page", -1);
  expect((await tab.goto(ended))?.status()).toBe(410);
  expect(await hasOverride(browser.context)).toBe(false);
});

it("a kill beats an override", async () => {
  await tab.goto(await links.sign({ ai_search: "on" }, "/ai/chat"));
  expect((await readPage(tab)).flags).toEqual(["ai_search"]);
  await shop.sluice("kill", "ai_search");
  await tab.reload();
  expect(await readPage(tab)).toMatchObject({ path: "/", flags: [], override: [] });
  await tab.goto(links.page);
  const [item] = await tab.getByRole("listitem").allInnerTexts();
  expect(item).toContain("not active: its kill switch is off");
  await shop.toggle("ai_search", true);
  expect((await visit(tab, `${SHOP}/ai/chat`)).override).toEqual(["ai_search"]);
});

it("starting and ending an override empties the browser's cache, so no older copy is shown", async () => {
  const copy = await visit(tab, `${SHOP}/own-minute`);
  expect(await visit(tab, `${SHOP}/own-minute`)).toEqual(copy);
  await tab.goto(await links.sign({ ai_search: "on" }, "/own-minute"));
  expect((await readPage(tab)).override).toEqual(["ai_search"]);
  await tab.goto(links.page);
  await tab.getByRole("button").click();
  await tab.getByText("No override is active.").waitFor();
  expect((await visit(tab, `${SHOP}/own-minute`)).override).toEqual([]);
});

describe("with a service worker that forwards every request", () => {
  it("a link looks like a frame; the page says so, and a reload without the service worker opens it", async () => {
    await visit(tab, SHOP);
    const code = 'addEventListener("fetch", (event) => event.respondWith(fetch(event.request)))';
    await tab.evaluate(
      async (address) => {
        await navigator.serviceWorker.register(address);
        await navigator.serviceWorker.ready;
      },
      `/worker.js?code=${encodeURIComponent(code)}`,
    );
    try {
      const link = await links.sign({ ai_search: "on" }, "/page");
      expect((await tab.goto(link))?.status()).toBe(403);
      expect(await tab.getByRole("paragraph").innerText()).toContain(
        "Reload this page while you hold the Shift key",
      );

      // Through the service worker, a stranger's form looks like one of the shop.
      shop.strangers.pages.set(
        "/",
        `<form method="post" action="${link}"></form><script>document.forms[0].submit()</script>`,
      );
      await tab.goto(STRANGER);
      await tab.waitForURL(link);
      expect(await hasOverride(browser.context)).toBe(false);

      await tab.goto(link);
      // The same as a reload with the Shift key.
      const devtools = await browser.context.newCDPSession(tab);
      await devtools.send("Page.reload", { ignoreCache: true });
      await tab.waitForURL(`${SHOP}/page`);
      expect((await readPage(tab)).override).toEqual(["ai_search"]);
    } finally {
      await visit(tab, SHOP);
      await tab.evaluate(async () => await (await navigator.serviceWorker.ready).unregister());
    }
  });
});
