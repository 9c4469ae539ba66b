import type { FrameLocator, Page as Tab } from "playwright-core";
import type { Page } from "./site.ts";

/** Reads the page in a tab or a frame, also a copy from the browser's cache. */
export async function readPage(shown: Tab | FrameLocator): Promise<Page> {
  const page: Page = JSON.parse((await shown.locator("#page").textContent()) ?? "");
  return page;
}

/** Opens an address as if it were typed, and reads the page. */
export async function visit(tab: Tab, url: string): Promise<Page> {
  await tab.goto(url);
  return await readPage(tab);
}
