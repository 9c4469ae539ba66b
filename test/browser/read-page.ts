import type { FrameLocator, Page as Tab } from "playwright-core";
import type { Page } from "./site.ts";

/** What the page that a tab or a frame shows says about itself, wherever the browser has it from. */
export async function readPage(shown: Tab | FrameLocator): Promise<Page> {
  const told: Page = JSON.parse((await shown.locator("#page").textContent()) ?? "");
  return told;
}

/** Opens an address as somebody who types it, and reads what comes. */
export async function visit(tab: Tab, url: string): Promise<Page> {
  await tab.goto(url);
  return await readPage(tab);
}
