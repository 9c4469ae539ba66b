import type { Page as Tab } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import type { Browser } from "./chromium.ts";
import { openForAll } from "./open-for-all.ts";
import { hasOverride, openOverrides, type SignedLinks } from "./override-links.ts";
import { SHOP, STRANGER, type Shop } from "./shop.ts";

const LONG = "a".repeat(64);

let shop: Shop;
let links: SignedLinks;
let browser: Browser;
let tab: Tab;
let link: string;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  await shop.make("ai_search", 0, { gates: [{ pattern: "/ai/*", otherwise: { status: 404 } }] });
  await shop.make(LONG, 0);
  links = openOverrides(shop);
  link = await links.sign({ ai_search: "on", [LONG]: "on" }, new URL(links.page).pathname);
});
beforeEach(async () => {
  await browser.context.clearCookies();
  tab = await browser.context.newPage();
});

/** The pages that the worker makes itself, with a function that opens each. */
const PAGES: readonly (readonly [what: string, title: string, open: () => Promise<unknown>])[] = [
  ["no override", "Test overrides in this browser", () => tab.goto(links.page)],
  ["an override", "Test overrides in this browser", () => tab.goto(link)],
  [
    "the question",
    "Test overrides in this browser",
    async () => {
      shop.strangers.pages.set("/", `<a href="${link}">it</a>`);
      await tab.goto(STRANGER);
      await tab.getByRole("link").click();
      await tab.getByRole("button").waitFor();
    },
  ],
  ["an invalid link", "Test overrides in this browser", () => tab.goto(`${links.page}?token=x`)],
  ["a closed page", "Not Found", () => tab.goto(`${SHOP}/ai/chat`)],
  [
    "a site that does not answer",
    "Bad Gateway",
    async () => {
      const { answer } = shop.site;
      shop.site.answer = (request) => void request.socket.destroy();
      await tab.goto(`${SHOP}/page`);
      shop.site.answer = answer;
    },
  ],
];

describe.each(PAGES)("%s", (_what, title, open) => {
  it("is a whole page that loads nothing else and obeys its own Content-Security-Policy", async () => {
    const asked: string[] = [];
    const said: string[] = [];
    tab.on("request", (request) => asked.push(new URL(request.url()).pathname));
    tab.on("console", (message) => said.push(message.text()));
    await open();
    expect(asked.filter((path) => path !== "/" && path !== new URL(tab.url()).pathname)).toEqual([]);
    expect(said.join("\n")).not.toContain("Content Security Policy");
    expect(await tab.title()).toBe(title);
    expect(await tab.getByRole("main").getByRole("heading", { level: 1 }).innerText()).toBe(title);
    expect(await tab.locator("html").getAttribute("lang")).toBe("en");
  });

  it.each([1280, 320])("has its style, and fits into a width of %i pixels", async (width) => {
    await tab.setViewportSize({ width, height: 640 });
    await open();
    const [style, overflow] = await tab.evaluate(() => [
      getComputedStyle(document.body).maxWidth,
      document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ]);
    expect([style, overflow]).toEqual(["576px", 0]);
  });
});

it.each(["light", "dark"] as const)(
  "text and buttons have enough contrast in %s mode",
  async (colorScheme) => {
    await tab.emulateMedia({ colorScheme });
    await tab.goto(link);
    const pairs = await tab.evaluate(() => {
      const context = document.createElement("canvas").getContext("2d");
      if (context === null) throw new Error("the browser has no canvas to paint on");
      const paint = (...colours: readonly string[]): number => {
        for (const colour of colours) {
          context.fillStyle = colour;
          context.fillRect(0, 0, 1, 1);
        }
        // Relative luminance by WCAG 2.
        const [red = 0, green = 0, blue = 0] = Array.from(context.getImageData(0, 0, 1, 1).data, (byte) => {
          const share = byte / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      // The page has the background colour of the browser.
      const ground = document.body.appendChild(document.createElement("p"));
      ground.style.backgroundColor = "canvas";
      const canvas = getComputedStyle(ground).backgroundColor;
      return Array.from(document.querySelectorAll("h1, p, li, button"), (element) => {
        const { color, backgroundColor } = getComputedStyle(element);
        return [paint(canvas, backgroundColor), paint(canvas, color)] as const;
      });
    });
    expect(pairs.length).toBeGreaterThan(4);
    for (const [one, other] of pairs) {
      expect((Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)).toBeGreaterThan(4.5);
    }
  },
);

it("the button can be reached and pressed with the keyboard", async () => {
  await tab.goto(link);
  await tab.keyboard.press("Tab");
  await tab.keyboard.press("Enter");
  await tab.getByText("No override is active.").waitFor();
  expect(await hasOverride(browser.context)).toBe(false);
});
