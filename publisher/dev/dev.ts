import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { readDevParts, type Environment } from "../config.ts";
import { leaveDevFile, localFolder } from "./dev-file.ts";
import { startLocalSystem, type LocalSystem } from "./local-system.ts";
import type { Log } from "../process/log.ts";

/**
 * `npm start`: brings the whole system up, says what to try, and ends it cleanly on Ctrl-C.
 *
 * @throws AlreadyRunning when one runs from this clone
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

  const why = await untilTold(environment);
  say(`\n${why}: stopping. Flags are kept for the next start.`);
  await removeDevFile();
  await system.stop();
}

/** @returns what ended it, in words */
async function untilTold(environment: Environment): Promise<string> {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  // miniflare's own handlers end the process at once, before flags and files are put away.
  for (const signal of signals) process.removeAllListeners(signal);
  const told = signals.map(async (signal): Promise<string> => {
    await once(process, signal);
    return signal === "SIGINT" ? "Ctrl-C" : signal;
  });
  // npm passes signals on to a shell, which ends without a word to what it started.
  if (environment["npm_lifecycle_event"] !== undefined) told.push(untilParentEnds());
  const why = await Promise.race(told);
  // Whoever presses Ctrl-C twice does not want to wait.
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
    // Told otherwise, the process ends without it.
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

  Open ${edgeUrl}/ai/answers: for a quarter of all browsers the AI page, for the others the classic search under that
  address. The flag ai_search gates it. Then, in another terminal in this folder:

    curl -s ${edgeUrl}/flags.json                # what the site hears of you
    npm run -s sluice -- gate test /ai/answers --user u1    # who would get the page, and why
    npm run -s sluice -- rollout ai_search 100   # within seconds everybody has the AI page
    npm run -s sluice -- kill ai_search --edge ${edgeUrl}   # and now nobody has; it says since when

  On a quiet site ask twice: the first request after a pause may still be answered from what the worker held.

  As an employee that your proxy has logged in:

    curl -s ${edgeUrl}/flags.json -H 'x-sluice-proof: ${contextSecret}' -H 'x-sluice-context: ${employee}'

  The AI page in one browser, whoever it is (open what this prints; where it shows what is in force, it ends it, too):

    npm run -s sluice -- override ai_search=on --for 2h --url ${edgeUrl}/ai/answers

  More: npm run -s sluice -- --help. Ctrl-C ends everything; your flags are kept.
`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Somebody at a terminal wants to hear what goes wrong, not every publish. */
const logFaults: Log = (event, fields = {}) => {
  if (event === "publish.done") return;
  if (event === "postgres") {
    // Where it runs is said already.
    const line = String(fields["line"]);
    if (line.includes("gone by itself"))
      process.stderr.write(`${line} Ctrl-C and \`npm start\` bring it back.\n`);
    return;
  }
  process.stderr.write(`[${event}] ${JSON.stringify(fields)}\n`);
};
