import type { Page as Tab } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import type { Browser } from "./chromium.ts";
import { openForAll } from "./open-for-all.ts";
import { PAGE_REQUESTS, askByAll } from "./page-requests.ts";
import { readPage, visit } from "./read-page.ts";
import { SHOP, type Shop } from "./shop.ts";

/** A gate of each kind, by flag. */
const GATES = {
  redirected: { pattern: "/away/*", otherwise: { redirect: "/" } },
  replaced: { pattern: "/beta/*", otherwise: { rewrite: "/classic" } },
  hidden: { pattern: "/lab/*", otherwise: { status: 404 } },
} as const;
const FLAGS = ["redirected", "replaced", "hidden"] as const;
const FOLDERS = ["/away", "/beta", "/lab"] as const;

let shop: Shop;
let browser: Browser;
let tab: Tab;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  for (const flag of FLAGS) await shop.make(flag, 0, { gates: [GATES[flag]] });
});
beforeEach(async () => {
  tab = await browser.context.newPage();
});

/** How the browser fetches a page ahead, by Speculation Rules. */
const AHEAD = ["prefetch", "prerender"] as const;

const fetchAhead = (paths: readonly string[]): string => {
  const rules = AHEAD.map((how) => [
    how,
    [{ urls: paths.map((path) => `${path}-${how}`), eagerness: "immediate" }],
  ]);
  return `<script type="speculationrules">${JSON.stringify(Object.fromEntries(rules))}</script>`;
};

const NAMES = [...Object.keys(PAGE_REQUESTS), ...AHEAD.map((how) => `ahead-${how}`)];

/**
 * Opens a page that requests gated pages and an open one in every way. Returns a function that lists the gated pages that
 * reached the site.
 */
async function askForGated(): Promise<() => readonly string[]> {
  const before = shop.site.seen.length;
  const asked = (): readonly string[] => shop.site.seen.slice(before).map(({ url }) => url);
  const folders = [...FOLDERS, "/open"];
  shop.site.guestbook =
    folders.map((folder) => askByAll((name) => `${SHOP}${folder}/${name}`)).join("\n") +
    fetchAhead(folders.map((folder) => `${folder}/ahead`));
  await tab.goto(`${SHOP}/guest`);
  await expect.poll(asked).toEqual(expect.arrayContaining(NAMES.map((name) => `/open/${name}`)));
  return () =>
    [...new Set(asked().filter((path) => FOLDERS.some((folder) => path.startsWith(folder))))].sort();
}

it("no request of a page reaches a gated page while its flag is off, and every one does once it is on", async () => {
  const closed = await askForGated();
  await visit(tab, SHOP);
  expect(closed()).toEqual([]);
  for (const flag of FLAGS) await shop.rollOut(flag, 100);
  const open = await askForGated();
  await expect
    .poll(open)
    .toEqual(FOLDERS.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).sort());
  for (const flag of FLAGS) await shop.rollOut(flag, 0);
  const again = await askForGated();
  await visit(tab, SHOP);
  expect(again()).toEqual([]);
});

describe("a form that is sent to a rewritten page", () => {
  it.each([
    ["application/x-www-form-urlencoded", "title=K%C3%A4se+%26+Brot"],
    ["multipart/form-data", 'name="title"\r\n\r\nKäse & Brot\r\n'],
  ])("arrives with its body: %s", async (type, body) => {
    shop.site.guestbook = `<form method="post" enctype="${type}" action="/beta/order?a=1">
      <input name="title" value="Käse &amp; Brot"><input type="file" name="file"><button>send</button></form>`;
    await tab.goto(`${SHOP}/guest`);
    await tab.locator('[type="file"]').setInputFiles({
      name: "list.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("x".repeat(100_000)),
    });
    await tab.getByRole("button", { name: "send" }).click();
    await tab.waitForURL(`${SHOP}/beta/order?a=1`);
    const page = await readPage(tab);
    expect(page.path).toBe("/classic");
    expect(page.body).toContain(body);
    expect(page.body?.includes("x".repeat(100_000))).toBe(type.startsWith("multipart"));
    expect(shop.site.last).toMatchObject({ method: "POST", url: "/classic?a=1" });
  });
});

it("a rewrite carries WebSockets and event streams", async () => {
  await visit(tab, SHOP);
  const heard = await tab.evaluate(async () => {
    const socket = new WebSocket("/beta/socket");
    const said = await new Promise((resolve) => {
      socket.addEventListener("open", () => socket.send("hello"));
      socket.addEventListener("message", ({ data }) => resolve(String(data)));
    });
    socket.close();
    const stream = new EventSource("/beta/events");
    const event = await new Promise((resolve) => {
      stream.addEventListener("message", ({ data }) => resolve(String(data)));
    });
    stream.close();
    return [said, event];
  });
  expect(heard).toEqual(["HELLO", "/classic"]);
});

it.each([
  ["/away/page", "/", "Shop", 200],
  ["/beta/page", "/beta/page", "Shop", 200],
  ["/lab/page", "/lab/page", "Not Found", 404],
])("opening the closed page %s directly shows the outcome of its gate", async (path, at, title, status) => {
  const answer = await tab.goto(`${SHOP}${path}`);
  expect([new URL(tab.url()).pathname, await tab.title(), answer?.status()]).toEqual([at, title, status]);
});
