import type { Page as Tab } from "playwright-core";
import { describe, expect, it } from "vitest";
import { placeFlags, playCarryOver, readCarryOver, type Player } from "../support/carry-over.ts";
import type { Browser } from "./chromium.ts";
import { openForAll } from "./open-for-all.ts";
import { visit } from "./read-page.ts";
import { SHOP, type Shop } from "./shop.ts";

let shop: Shop;
let browser: Browser;

openForAll(async (...opened) => {
  [shop, browser] = opened;
  for (const flag of placeFlags) await shop.publisher.make(flag, { bucket_by: "anonymousId" });
  // One statement instead of 80 writes.
  await shop.publisher.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 50");
  await shop.arrived();
});

/** Each device is a browser profile, cleared for each row. Users sign in and out on the site's pages. */
const devices = new Map<string, { readonly tab: Tab; user: string }>();

async function find(name: string) {
  const device = devices.get(name) ?? { tab: await (await browser.openOther()).newPage(), user: "nobody" };
  devices.set(name, device);
  return device;
}

async function clear(name: string): Promise<void> {
  const device = await find(name);
  await device.tab.context().clearCookies();
  device.user = "nobody";
}

const player: Player = {
  changeKeys(name) {
    throw new Error(`the shop has one key, and not ${name}`);
  },
  act: clear,
  async visit({ device: name, user, claim }) {
    const device = await find(name);
    const query = new URLSearchParams({ user, ...(claim !== undefined && { claim }) });
    const path = user === device.user ? "/" : user === "nobody" ? "/sign-out" : `/sign-in?${query}`;
    device.user = user;
    const { flags, key } = await visit(device.tab, `${SHOP}${path}`);
    return { place: flags.join(" "), targetingKey: key };
  },
};

/** The rows that a browser can play: with one key, without forgery, with pages only. */
const cases = (await readCarryOver()).filter(([, steps]) => !/key |forges| \/api/.test(steps));

it("the documentation has more than ten such rows", () => {
  expect(cases.length).toBeGreaterThan(10);
});

describe("carry-over in a browser, as in docs/identity.md", () => {
  it.each(cases)("%s", async (_name, steps) => {
    for (const name of devices.keys()) await clear(name);
    expect(await playCarryOver(steps, player)).toBe(steps);
  });

  it("it also works after a restart of the browser", async () => {
    const before = await visit(await browser.context.newPage(), SHOP);
    const ann = await visit(await browser.context.newPage(), `${SHOP}/sign-in?user=ann`);
    expect(ann).toMatchObject({ key: "ann", flags: before.flags });
    await browser.restart();
    const tab = await browser.context.newPage();
    expect(await visit(tab, SHOP)).toMatchObject({ key: "ann", flags: before.flags });
    expect((await visit(tab, `${SHOP}/sign-in?user=bob`)).flags).not.toEqual(before.flags);
  });
});
