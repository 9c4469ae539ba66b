import { setTimeout as sleep } from "node:timers/promises";
import type { Page as Tab } from "playwright-core";

/**
 * Goes back, or forward by -1, in a tab's history, and returns when it is there. Playwright's own way waits for a page
 * that loads, and one out of the back/forward cache does not.
 */
export async function goBack(tab: Tab, steps = 1): Promise<void> {
  const devtools = await tab.context().newCDPSession(tab);
  const at = async (): Promise<number> => (await devtools.send("Page.getNavigationHistory")).currentIndex;
  const target = (await at()) - steps;
  await tab.evaluate((delta) => history.go(delta), -steps);
  while ((await at()) !== target) await sleep(20);
  await devtools.detach();
}
