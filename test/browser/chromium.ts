import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type BrowserContext } from "playwright-core";

/** A browser with a profile of its own. */
export interface Browser {
  /** Its windows and cookies; another one after `restart`. */
  readonly context: BrowserContext;
  /** Another profile, without a disk, beside it. */
  openOther(): Promise<BrowserContext>;
  /** Closes it and starts it again on the same profile. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Where the browser's requests arrive. */
export interface Network {
  /** `host:port` on loopback by public name and port; every other name leads nowhere. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Whose certificate is taken as if somebody had signed it. */
  readonly pin: string;
}

const DEBIAN = "/usr/bin/chromium";

/** What Playwright switches off for the sake of other tests, and people have on. The rest of what it sets is quiet. */
const NOT_OF_PLAYWRIGHT = ["--disable-back-forward-cache"];

/** Starts Debian's Chromium, or SLUICE_TEST_CHROMIUM, without a window, on a profile that goes with it. */
export async function openBrowser(network: Network): Promise<Browser> {
  const executablePath = await findChromium(process.env["SLUICE_TEST_CHROMIUM"]);
  const profile = await mkdtemp(path.join(tmpdir(), "sluice-chromium-"));
  const rules = Object.entries(network.hosts).map(([host, address]) => `MAP ${host} ${address}`);
  const start = (): Promise<BrowserContext> =>
    chromium.launchPersistentContext(profile, {
      executablePath,
      ignoreDefaultArgs: NOT_OF_PLAYWRIGHT,
      // Its sandbox refuses root.
      chromiumSandbox: process.getuid?.() !== 0,
      args: [
        ...["--disable-gpu", "--disable-quic"],
        `--host-resolver-rules=${[...rules, "MAP * ~NOTFOUND"].join(",")}`,
        // Not by ignoring all errors: what comes with one is kept by no cache.
        `--ignore-certificate-errors-spki-list=${network.pin}`,
      ],
    });
  const removeProfile = (): Promise<void> => rm(profile, { recursive: true, force: true });
  let context = await start().catch(async (error: unknown) => {
    await removeProfile();
    throw error;
  });
  return {
    get context() {
      return context;
    },
    async openOther() {
      const other = await context.browser()?.newContext();
      if (other === undefined) throw new Error("this Playwright opens no profiles beside a persistent one");
      return other;
    },
    async restart() {
      await context.close();
      context = await start();
    },
    async close() {
      await context.close();
      await removeProfile();
    },
  };
}

/** @throws when it is not there: without a browser nothing here is tested, and nothing is skipped */
export async function findChromium(given = ""): Promise<string> {
  const file = given === "" ? DEBIAN : given;
  try {
    await access(file);
  } catch {
    throw new Error(`${file} not found: apt-get install chromium, or name one in SLUICE_TEST_CHROMIUM`);
  }
  return file;
}
