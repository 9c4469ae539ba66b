import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type BrowserContext } from "playwright-core";

/** A browser with its own profile. */
export interface Browser {
  /** Its windows and cookies; `restart` replaces it. */
  readonly context: BrowserContext;
  /** Opens another profile, in memory only. */
  openOther(): Promise<BrowserContext>;
  /** Closes the browser and starts it again on the same profile. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Where the browser's requests go. */
export interface Network {
  /** `host:port` on loopback, by public name and port. Other names do not resolve. */
  readonly hosts: Readonly<Record<string, string>>;
  /** The pin of the certificate that the browser accepts. */
  readonly pin: string;
}

const DEBIAN = "/usr/bin/chromium";

/** Options of Playwright that are left out, because they switch off something that users have. */
const NOT_OF_PLAYWRIGHT = ["--disable-back-forward-cache"];

/** Starts Debian's Chromium, or SLUICE_TEST_CHROMIUM, without a window. `close` removes its profile. */
export async function openBrowser(network: Network): Promise<Browser> {
  const executablePath = await findChromium(process.env["SLUICE_TEST_CHROMIUM"]);
  const profile = await mkdtemp(path.join(tmpdir(), "sluice-chromium-"));
  const rules = Object.entries(network.hosts).map(([host, address]) => `MAP ${host} ${address}`);
  const start = (): Promise<BrowserContext> =>
    chromium.launchPersistentContext(profile, {
      executablePath,
      ignoreDefaultArgs: NOT_OF_PLAYWRIGHT,
      // The sandbox does not work for root.
      chromiumSandbox: process.getuid?.() !== 0,
      args: [
        ...["--disable-gpu", "--disable-quic"],
        `--host-resolver-rules=${[...rules, "MAP * ~NOTFOUND"].join(",")}`,
        // Not by ignoring all certificate errors: the browser does not cache answers that have one.
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
      if (other === undefined)
        throw new Error("this Playwright cannot open a second profile beside a persistent one");
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

/** @throws if the browser is missing: tests are not skipped silently */
export async function findChromium(given = ""): Promise<string> {
  const file = given === "" ? DEBIAN : given;
  try {
    await access(file);
  } catch {
    throw new Error(`${file} not found: apt-get install chromium, or name one in SLUICE_TEST_CHROMIUM`);
  }
  return file;
}
