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
  // Behind its own answer: the page that is asked to go may be gone before it has said yes.
  await tab.evaluate((delta) => void setTimeout(() => history.go(delta)), -steps);
  // While one page gives way to the other there is none to ask.
  while ((await at().catch(() => undefined)) !== target) await sleep(20);
  await devtools.detach();
}
