// `npm run demo`: rolls a flag out from 0 to 50 % and kills it, while 10,000 users ask the real worker for the AI page that
// the flag gates.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readTestParts } from "../../publisher/config.ts";
import { startLocalSystem, type LocalSystem } from "../../publisher/dev/local-system.ts";
import { connectAdmin } from "./admin.ts";
import { showAll, visit, type ShownPage } from "./visitors.ts";

const FLAG = "demo_ai_answers";
const AI_PAGE = "/ai/answers";
const GATE = { pattern: "/ai/*", otherwise: { rewrite: "/search" } };
const USERS = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
/** These ask twice at every step, to prove that nobody drops in and out. */
const REPEATED = USERS.slice(0, 1_000);
/** The largest accepted difference between share and percentage, in points. */
const TOLERANCE = 1.5;
const REFRESH_MS = 1_000;
/** A change that takes longer counts as lost. */
const ARRIVAL_LIMIT_MS = 30_000;

/** Spellings that some server takes for the AI page; the demo's site understands the first five. */
const SPELLINGS = [
  AI_PAGE,
  "/AI/Answers/",
  "//ai//answers",
  "/ai%2fanswers",
  "/%61%69/answers",
  "/ai/answers.json",
  "/ai/x/..%2fanswers",
  "/x/..;/ai/answers",
  "/_next/data/build/ai/answers.json",
];

const failures: string[] = [];
/** Requests to the site since the list was last emptied. */
const asked: string[] = [];
const folder = await mkdtemp(path.join(tmpdir(), "sluice-demo-"));
const started = Date.now();
say("Starting a system of its own: Postgres, Redis, publisher, worker, site ...");
const system = await startLocalSystem({
  dataDir: folder,
  parts: readTestParts(process.env),
  environment: `demo-${process.pid}`,
  workerVars: { REFRESH_MS: String(REFRESH_MS) },
  throwaway: true,
  log: () => undefined,
  onSiteRequest: (target) => void asked.push(target),
});
try {
  await play(system);
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error));
} finally {
  await system.stop({ remove: true });
  await rm(folder, { recursive: true, force: true });
}

const seconds = ((Date.now() - started) / 1_000).toFixed(0);
say(
  failures.length === 0
    ? `\nAll checks passed. (${seconds} s)`
    : `\nFailed checks:\n${failures.map((failure) => `  - ${failure}`).join("\n")}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

async function play(demo: LocalSystem): Promise<void> {
  const admin = connectAdmin(demo);
  const key = `${FLAG}_${process.pid}`;
  say(
    `The worker asks Redis every ${REFRESH_MS} ms; at every step ${USERS.length} users ask it for ${AI_PAGE}.`,
  );
  say(
    `The flag gates ${GATE.pattern}: users without it are shown ${GATE.otherwise.rewrite} under that address.\n`,
  );
  say("step                users in     share   AI page   classic   fell out   at the edge after");

  await admin.create(key, "Made by npm run demo", [GATE]);
  let before: ReadonlySet<string> = new Set();
  before = await step("created", () => admin.enable(key), 0, before);
  for (const percent of [1, 25, 50]) {
    before = await step(`rollout ${percent} %`, () => admin.rollout(key, percent), percent, before);
  }
  const wereIn = [...before].slice(0, 50);
  await step("kill", () => admin.kill(key), 0, new Set());
  await tryEverySpelling(demo, wereIn);

  /** @returns the users who then have the flag on */
  async function step(
    name: string,
    write: () => Promise<number>,
    percent: number,
    wereIn: ReadonlySet<string>,
  ): Promise<ReadonlySet<string>> {
    const arrivedMs = await arrival(demo, write);
    asked.length = 0;
    const shown = await showAll(demo, AI_PAGE, USERS);
    const atTheSite = asked.filter((target) => target === AI_PAGE).length;
    const again = await showAll(demo, AI_PAGE, REPEATED);

    const isIn = usersWith(shown, ({ enabled }) => enabled.includes(key));
    const sawAi = usersWith(shown, ({ page }) => page === "ai");
    const fellOut = [...wereIn].filter((user) => !isIn.has(user)).length;
    const share = (isIn.size / USERS.length) * 100;
    say(
      name.padEnd(18) +
        String(isIn.size).padStart(10) +
        `${share.toFixed(2)} %`.padStart(10) +
        String(sawAi.size).padStart(10) +
        String(USERS.length - sawAi.size).padStart(10) +
        String(fellOut).padStart(11) +
        `${arrivedMs} ms`.padStart(20),
    );

    const isExact = percent === 0;
    expect(
      isExact ? isIn.size === 0 : Math.abs(share - percent) <= TOLERANCE,
      `${name}: ${isIn.size} users are in`,
    );
    const isSame = isIn.size === sawAi.size && [...isIn].every((user) => sawAi.has(user));
    expect(isSame, `${name}: the users who saw the AI page are not the users who are in`);
    expect(atTheSite === isIn.size, `${name}: the site was asked for the AI page ${atTheSite} times`);
    expect(fellOut === 0, `${name}: ${fellOut} users fell out on the way up`);
    const steady = REPEATED.every((user) => again.get(user)?.page === shown.get(user)?.page);
    expect(steady, `${name}: asked again, the worker decided differently`);
    return isIn;
  }
}

/** After the kill, users who had the page try other spellings of it, with and without the worker. */
async function tryEverySpelling(demo: LocalSystem, users: readonly string[]): Promise<void> {
  const direct = { ...demo, edgeUrl: demo.originUrl };
  let known = 0;
  let seen = 0;
  asked.length = 0;
  for (const spelling of SPELLINGS) {
    const pages = await showAll(demo, spelling, users);
    seen += usersWith(pages, ({ page }) => page === "ai").size;
  }
  const atTheSite = asked.filter((target) => target !== GATE.otherwise.rewrite).length;
  for (const spelling of SPELLINGS) {
    const [shown] = (
      await showAll(direct, spelling, users.slice(0, 1)).catch(() => new Map<string, ShownPage>())
    ).values();
    if (shown?.page === "ai") known += 1;
  }
  say(
    `\nAfter the kill, ${users.length} users who had it tried ${SPELLINGS.length} spellings of ${AI_PAGE}, ${known} of which this site ` +
      `understands:\n${seen} of ${users.length * SPELLINGS.length} requests got the AI page, and the site was asked for it ${atTheSite} times.`,
  );
  expect(
    known >= 5,
    `without the worker the site shows the AI page under only ${known} spellings, so the attempt proves nothing`,
  );
  expect(seen === 0 && atTheSite === 0, "after the kill a spelling passed the gate");
}

function usersWith(
  pages: ReadonlyMap<string, ShownPage>,
  condition: (page: ShownPage) => boolean,
): ReadonlySet<string> {
  return new Set([...pages].flatMap(([user, page]) => (condition(page) ? [user] : [])));
}

/** Writes, then asks the worker until it uses that revision. @returns milliseconds since the start of the write */
async function arrival(demo: LocalSystem, write: () => Promise<number>): Promise<number> {
  const begin = performance.now();
  const revision = await write();
  while (performance.now() - begin < ARRIVAL_LIMIT_MS) {
    const seen = await visit(demo, { userId: "watcher" });
    if ((seen.revision ?? -1) >= revision) return Math.round(performance.now() - begin);
    await sleep(10);
  }
  throw new Error(`revision ${revision} did not reach the worker within ${ARRIVAL_LIMIT_MS} ms`);
}

function expect(isSo: boolean, otherwise: string): void {
  if (!isSo) failures.push(otherwise);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
