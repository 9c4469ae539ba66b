import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { readDevParts, type Environment } from "../config.ts";
import { leaveDevFile, localFolder } from "./dev-file.ts";
import { startLocalSystem, type LocalSystem } from "./local-system.ts";
import type { Log } from "../process/log.ts";

/**
 * `npm start`: starts the whole system, prints what to try, and stops it cleanly on Ctrl-C.
 *
 * @throws AlreadyRunning when one runs in this clone
 */
export async function runDev(environment: Environment): Promise<void> {
  const parts = readDevParts(environment);
  say("Starting Postgres, Redis, the publisher, the worker and a demo site ...");
  await mkdir(localFolder, { recursive: true });
  const system = await startLocalSystem({
    dataDir: `${localFolder}postgres`,
    parts,
    environment: "dev",
    examples: true,
    handyPorts: true,
    log: logFaults,
  });
  const removeDevFile = await leaveDevFile({ url: system.apiUrl, token: system.adminToken });
  say(whatToTry(system));

  const why = await untilStopped(environment);
  say(`\n${why}: stopping. Flags are kept for the next start.`);
  await removeDevFile();
  await system.stop();
}

/** @returns the reason in words */
async function untilStopped(environment: Environment): Promise<string> {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  // The handlers of miniflare would end the process immediately, before the cleanup.
  for (const signal of signals) process.removeAllListeners(signal);
  const reasons = signals.map(async (signal): Promise<string> => {
    await once(process, signal);
    return signal === "SIGINT" ? "Ctrl-C" : signal;
  });
  // npm sends signals to a shell, which exits without a signal to this process.
  if (environment["npm_lifecycle_event"] !== undefined) reasons.push(untilParentEnds());
  const why = await Promise.race(reasons);
  // A second Ctrl-C ends the process immediately.
  process.once("SIGINT", () => process.exit(130));
  return why;
}

function untilParentEnds(): Promise<string> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve("npm has ended");
    }, 500);
    // The timer must not keep the process alive.
    timer.unref();
  });
}

function whatToTry(system: LocalSystem): string {
  const { edgeUrl, apiUrl, originUrl, databaseUrl, redis, contextSecret, signingKeys } = system;
  const employee = Buffer.from('{"userId":"emp-1","isEmployee":true}').toString("base64url");
  return `
  Site, through the worker   ${edgeUrl}/
  Site, without the worker   ${originUrl}/   (everything off)
  Edge status                ${edgeUrl}/.well-known/sluice
  Admin API                  ${apiUrl}/api/v1/docs
  Postgres                   ${databaseUrl}
  Redis, as Upstash speaks   ${redis.url}   (token ${redis.token})
  x-flags is signed by       ${signingKeys}   (SIGNING_KEYS, for a site of your own)

  Open ${edgeUrl}/ai/answers: a quarter of all browsers see the AI page, the others the classic search at the same
  address. The flag ai_search has a gate for it. Then, in another terminal in this folder:

    curl -s ${edgeUrl}/flags.json                # the flags that the site sees
    npm run -s sluice -- gate test /ai/answers --user u1    # who gets the page, and why
    npm run -s sluice -- rollout ai_search 100   # everybody gets the AI page within seconds
    npm run -s sluice -- kill ai_search --edge ${edgeUrl}   # now nobody; shows since when

  On a quiet site, ask twice: the first answer after a pause may come from an old snapshot in memory.

  As an employee whom your proxy logged in:

    curl -s ${edgeUrl}/flags.json -H 'x-sluice-proof: ${contextSecret}' -H 'x-sluice-context: ${employee}'

  The AI page in one browser (open the printed link; the same page ends the override):

    npm run -s sluice -- override ai_search=on --for 2h --url ${edgeUrl}/ai/answers

  More: npm run -s sluice -- --help. Ctrl-C ends everything; your flags are kept.
`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints faults only, not every publish. */
const logFaults: Log = (event, fields = {}) => {
  if (event === "publish.done") return;
  if (event === "postgres") {
    // The address is already printed.
    const line = String(fields["line"]);
    if (line.includes("exited by itself"))
      process.stderr.write(`${line} Ctrl-C and \`npm start\` start it again.\n`);
    return;
  }
  process.stderr.write(`[${event}] ${JSON.stringify(fields)}\n`);
};
