import { afterAll, afterEach, beforeAll } from "vitest";
import { openBrowser, type Browser } from "./chromium.ts";
import { openShop, type Shop } from "./shop.ts";

/**
 * Opens a shop and a browser for all tests of a file. Tabs are closed after each test.
 *
 * @param prepare runs before the first test of the file
 */
export function openForAll(prepare: (shop: Shop, browser: Browser) => Promise<unknown>): void {
  const parts: { close(): Promise<void> }[] = [];
  let browser: Browser | undefined;
  beforeAll(async () => {
    const shop = await openShop();
    parts.unshift(shop);
    browser = await openBrowser(shop.network);
    parts.unshift(browser);
    await prepare(shop, browser);
  });
  afterEach(async () => {
    // Keeps the first tab: without a tab the browser would end.
    for (const tab of browser?.context.pages().slice(1) ?? []) await tab.close();
  });
  afterAll(async () => {
    for (const part of parts) await part.close();
  });
}
