import { setTimeout as sleep } from "node:timers/promises";
import type { Page as Tab } from "playwright-core";

/**
 * Goes back in a tab's history, or forward by -1, and returns when the tab is there. Playwright's own `goBack` waits for a
 * page to load, and a page from the back/forward cache does not load.
 */
export async function goBack(tab: Tab, steps = 1): Promise<void> {
  const devtools = await tab.context().newCDPSession(tab);
  const at = async (): Promise<number> => (await devtools.send("Page.getNavigationHistory")).currentIndex;
  const target = (await at()) - steps;
  // After the answer to `evaluate`: otherwise the page may be gone before it answers.
  await tab.evaluate((delta) => void setTimeout(() => history.go(delta)), -steps);
  // Between two pages there is no page that answers.
  while ((await at().catch(() => undefined)) !== target) await sleep(20);
  await devtools.detach();
}
