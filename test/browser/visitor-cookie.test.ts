import type { Cookie, Page as Tab } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import { bucketU32, isWithin, toBasisPoints } from "../../shared/bucketing/bucket.ts";
import type { Browser } from "./chromium.ts";
import { openForAll } from "./open-for-all.ts";
import { readPage, visit } from "./read-page.ts";
import { SHOP, SIBLING, STRANGER, type Shop } from "./shop.ts";

const NAME = "__Host-sluice-id";
const DAY_S = 86_400;

let shop: Shop;
let browser: Browser;
let tab: Tab;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  await shop.make("half", 50);
  await shop.make("rare", 1);
});
beforeEach(async () => {
  shop.strangers.pages.clear();
  await browser.context.clearCookies();
  tab = await browser.context.newPage();
});

async function ownCookie(): Promise<Cookie> {
  const cookies = await browser.context.cookies(SHOP);
  const own = cookies.find(({ name }) => name === NAME);
  if (own === undefined) throw new Error("the browser did not take the cookie");
  return own;
}

const isRare = async (id: string): Promise<boolean> =>
  isWithin(await bucketU32("rare", id), toBasisPoints(1));

const idIn = (value: string): string => value.split(".")[0] ?? "";

it("the browser accepts the cookie, for this host and TLS only, for a year", async () => {
  const { key } = await visit(tab, SHOP);
  const { expires, value, ...cookie } = await ownCookie();
  // The domain of a host-only cookie has no dot in front.
  expect(cookie).toEqual({
    ...{ name: NAME, domain: "www.shop.example", path: "/" },
    ...{ secure: true, httpOnly: true, sameSite: "Lax" },
  });
  expect(idIn(value)).toBe(key);
  expect(expires).toBeGreaterThan(Date.now() / 1000 + 364 * DAY_S);
  expect(expires).toBeLessThan(Date.now() / 1000 + 366 * DAY_S);
});

it("the cookie keeps a visitor's bucket in a flag at 50 %: in 20 page views, and after a restart", async () => {
  const sides = new Set<boolean>();
  while (sides.size < 2) {
    await browser.context.clearCookies();
    const first = await visit(tab, SHOP);
    const isIn = first.flags.includes("half");
    if (sides.has(isIn)) continue;
    sides.add(isIn);
    for (let view = 1; view < 20; view++) {
      const { key, flags } = await visit(tab, `${SHOP}/page?${view}`);
      expect([key, flags.includes("half")]).toEqual([first.key, isIn]);
    }
    await browser.restart();
    tab = await browser.context.newPage();
    expect(await visit(tab, SHOP)).toMatchObject({ key: first.key, flags: first.flags });
  }
});

it("a lost cookie is set again, even by a page that the browser has a copy of", async () => {
  const keys = new Set<string>();
  // Half of the time the decision differs, so the worker sends a whole page instead of a 304.
  for (let time = 0; time < 8; time++) {
    await browser.context.clearCookies();
    const { key } = await visit(tab, `${SHOP}/tagged`);
    expect(idIn((await ownCookie()).value)).toBe(key);
    keys.add(key);
  }
  expect(keys.size).toBe(8);
});

it("no script of the page can read or replace the cookie", async () => {
  const { key } = await visit(tab, SHOP);
  const readable = await tab.evaluate(async (name) => {
    const forged = `anon-${"x".repeat(22)}`;
    document.cookie = `${name}=${forged}; Path=/; Secure`;
    await cookieStore.set({ name, value: forged, path: "/" }).catch(() => undefined);
    const answer = await fetch("/", { credentials: "include" });
    return [document.cookie, await cookieStore.getAll(), answer.headers.get("set-cookie")];
  }, NAME);
  expect(readable).toEqual(["", [], null]);
  expect((await visit(tab, SHOP)).key).toBe(key);
});

describe("other hosts", () => {
  it("do not get the cookie, and neither does this host without TLS", async () => {
    await visit(tab, SHOP);
    const others = [SIBLING, "https://shop.example", "https://a.www.shop.example", STRANGER];
    const before = shop.strangers.seen.length;
    for (const url of [...others, "http://www.shop.example"]) await tab.goto(url);
    const asked = shop.strangers.seen.slice(before);
    expect(asked.map(({ url }) => url)).toEqual([
      ...["//blog.shop.example/", "//shop.example/", "//a.www.shop.example/", "//evil.example/"],
      "//www.shop.example/",
    ]);
    for (const { headers } of asked) expect(headers).not.toMatch(/^cookie$/im);
  });

  it("can link to this site, and the visitor keeps the id; in their frames each view has a new id", async () => {
    const { key } = await visit(tab, SHOP);
    shop.strangers.pages.set(
      "/",
      `<a href="${SHOP}/page">the shop</a><iframe src="${SHOP}/framed"></iframe>`,
    );
    const framed: string[] = [];
    for (let view = 0; view < 2; view++) {
      await tab.goto(STRANGER);
      framed.push((await readPage(tab.frameLocator("iframe"))).key);
    }
    expect(new Set([key, ...framed]).size).toBe(3);
    await tab.getByRole("link").click();
    await tab.waitForURL(`${SHOP}/page`);
    expect((await readPage(tab)).key).toBe(key);
  });

  // Each cookie has a well-formed id as its value, without a signature.
  it.each([
    ["the exact name", NAME],
    ["the name after a Unicode space", `\u2003${NAME}`],
    ["the name in lower case", NAME.toLowerCase()],
    ["a cookie whose name has it after a comma", `a=b,${NAME}`],
    ["a nameless cookie whose value starts with it", `=${NAME}`],
  ])("of the same site cannot plant a cookie: %s", async (_what, name) => {
    const { key } = await visit(tab, SHOP);
    const planted = `anon-${"p".repeat(22)}`;
    const cookie = `${name}=${planted}; Domain=shop.example; Path=/; Secure`;
    // A header is sent as bytes.
    shop.strangers.cookies = [Buffer.from(cookie).toString("latin1")];
    await tab.goto(SIBLING);
    await tab.evaluate((text) => (document.cookie = text), cookie);
    shop.strangers.cookies = [];
    expect((await visit(tab, SHOP)).key).toBe(key);
    // Nor when the visitor has no cookie.
    await browser.context.clearCookies({ name: NAME });
    expect((await visit(tab, SHOP)).key).not.toBe(planted);
  });
});

describe("a cookie that is changed in the browser", () => {
  /** An id in the first percent, which is worth forging. */
  async function findRareId(): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      const id = `anon-${String(attempt).padStart(22, "0")}`;
      if (await isRare(id)) return id;
    }
  }

  const TAMPERED: readonly (readonly [what: string, tamper: (value: string, id: string) => string])[] = [
    ["an id alone", (_value, id) => id],
    ["an id and a day", (value, id) => [id, value.split(".")[1]].join(".")],
    ["an id under another's signature", (value, id) => value.replace(idIn(value), id)],
    ["an id under an empty signature", (value, id) => value.replace(idIn(value), id).replace(/[^.]*$/, "")],
    ["another signature", (value) => value.replace(/.$/, (last) => (last === "A" ? "Q" : "A"))],
    ["a listed user's id", () => "vip"],
    ["no text", () => ""],
    ["markup", () => "<script>"],
    ["4,000 characters", () => "x".repeat(4_000)],
  ];

  it.each(TAMPERED)("%s: the cookie is replaced, and gains nothing", async (_what, tamper) => {
    await visit(tab, SHOP);
    const cookie = await ownCookie();
    const rare = await findRareId();
    const value = tamper(cookie.value, rare);
    await browser.context.addCookies([{ ...cookie, value }]);
    const { key, flags } = await visit(tab, SHOP);
    expect([rare, idIn(cookie.value), "vip"]).not.toContain(key);
    expect(key).toMatch(/^anon-[\w-]{22}$/);
    // The new id may be in by luck: its bucket decides, not the forged cookie.
    expect(flags.includes("rare")).toBe(await isRare(key));
    expect(idIn((await ownCookie()).value)).toBe(key);
    expect((await visit(tab, SHOP)).key).toBe(key);
  });
});
