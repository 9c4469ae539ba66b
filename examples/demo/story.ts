// `npm run demo`: one flag's way from 0 to 50 % and its kill, with 10,000 users through the real worker.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readTestParts } from "../../publisher/config.ts";
import { startLocalSystem, type LocalSystem } from "../../publisher/dev/local-system.ts";
import { connectAdmin } from "./admin.ts";
import { visit, whoIsIn } from "./visitors.ts";

const FLAG = "demo_ai_answers";
const USERS = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
/** How far the share among these users may be from the percentage, in points. */
const TOLERANCE = 1.5;
const REFRESH_MS = 1_000;
/** A change that has not arrived by then never will. */
const ARRIVAL_LIMIT_MS = 30_000;

const failures: string[] = [];
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
});
try {
  await tell(system);
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error));
} finally {
  await system.stop({ remove: true });
  await rm(folder, { recursive: true, force: true });
}

const seconds = ((Date.now() - started) / 1_000).toFixed(0);
say(
  failures.length === 0
    ? `\nAll of it was so. (${seconds} s)`
    : `\nNOT so:\n${failures.map((failure) => `  - ${failure}`).join("\n")}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

async function tell(demo: LocalSystem): Promise<void> {
  const admin = connectAdmin(demo);
  say(`The worker asks Redis every ${REFRESH_MS} ms; ${USERS.length} users go through it at every step.\n`);
  say("step                  users in   share     fell out   change at the edge after");

  const key = `${FLAG}_${process.pid}`;
  await admin.create(key, "Made by npm run demo");
  let before = new Set<string>();
  before = await step("created", () => admin.enable(key), 0, before);
  for (const percent of [1, 25, 50]) {
    before = await step(`rollout ${percent} %`, () => admin.rollout(key, percent), percent, before);
  }
  await step("kill", () => admin.kill(key), 0, new Set());

  async function step(
    name: string,
    write: () => Promise<number>,
    percent: number,
    wereIn: ReadonlySet<string>,
  ): Promise<Set<string>> {
    const arrivedMs = await arrival(demo, write);
    const isIn = await whoIsIn(demo, key, USERS);
    const again = await whoIsIn(demo, key, USERS.slice(0, 1_000));
    const fellOut = [...wereIn].filter((user) => !isIn.has(user)).length;
    const share = (isIn.size / USERS.length) * 100;
    say(
      `${name.padEnd(20)}${String(isIn.size).padStart(10)}${`${share.toFixed(2)} %`.padStart(10)}` +
        `${String(fellOut).padStart(11)}${`${arrivedMs} ms`.padStart(15)}`,
    );

    const exact = percent === 0;
    expect(exact ? isIn.size === 0 : Math.abs(share - percent) <= TOLERANCE, `${name}: ${isIn.size} are in`);
    expect(fellOut === 0, `${name}: ${fellOut} fell out on the way up`);
    const steady = USERS.slice(0, 1_000).every((user) => again.has(user) === isIn.has(user));
    expect(steady, `${name}: asked again, the worker decided otherwise`);
    return isIn;
  }
}

/** Writes, and asks the worker until it evaluates that revision. @returns milliseconds from the command's start */
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
