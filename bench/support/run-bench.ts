import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeMachine } from "./machine.ts";
import { toTable, type Row } from "./table.ts";

/** What a measurement works with. */
export interface Bench {
  /** Gone afterwards. */
  readonly folder: string;
  /** Keeps how to end a part; the last started is ended first, however the run ends. */
  readonly defer: (stop: () => Promise<unknown>) => void;
  /** Ends everything that was deferred so far. */
  readonly clear: () => Promise<void>;
  /** Where the run is; to standard error, so that a redirected report holds figures alone. */
  readonly progress: (text: string) => void;
  readonly print: (text: string) => void;
  readonly table: (rows: readonly Row[]) => void;
  /** Makes the run fail when it is not so; it goes on all the same. */
  readonly check: (isSo: boolean, otherwise: string) => void;
}

/** Of each kind one is enough, and a broken run has thousands. */
const SHOWN_FAILURES = 20;

/** How long a part may take to start, when the run is over before. */
const LAST_START_MS = 5_000;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const FAILED = 1;
/** As a shell reports what Ctrl-C ended. */
const INTERRUPTED = 130;

/** Runs one measurement from start to end: the process's exit code is not 0 when a check failed or something broke. */
export async function runBench(title: string, work: (bench: Bench) => Promise<void>): Promise<void> {
  const begun = performance.now();
  /** What failed, and how often. */
  const failures = new Map<string, number>();
  const fail = (text: string): void => void failures.set(text, (failures.get(text) ?? 0) + 1);
  const stops: (() => Promise<unknown>)[] = [];
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-bench-"));
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const clear = async (): Promise<void> => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  };
  const end = async (): Promise<void> => {
    await clear().catch((error: unknown) => fail(`stopping: ${messageOf(error)}`));
    await rm(folder, { recursive: true, force: true });
  };

  const interrupted = new Promise<"interrupted">((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve("interrupted"));
  });
  // miniflare would answer a signal with the end of this process, before Postgres and the other parts are gone.
  process.on("newListener", (name: string | symbol, listener: () => void) => {
    if (SIGNALS.some((signal) => signal === name)) {
      queueMicrotask(() => process.removeListener(name, listener));
    }
  });

  print(`${title}\n${describeMachine(new Date())}\n`);
  const done = work({
    folder,
    defer: (stop) => void stops.push(stop),
    clear,
    progress: (text) => void process.stderr.write(`${text}\n`),
    print,
    table: (rows) => print(`${toTable(rows)}\n`),
    check: (isSo, otherwise) => {
      if (!isSo) fail(otherwise);
    },
  }).catch((error: unknown) => fail(messageOf(error)));
  const broken = once(process, "uncaughtException").then(([error]) => fail(messageOf(error)));
  const isInterrupted = (await Promise.race([done, broken, interrupted])) === "interrupted";
  if (isInterrupted) {
    // What was being started when the signal came has to be started before it can be stopped.
    await clear().catch(() => undefined);
    await Promise.race([done, sleep(LAST_START_MS)]);
  }
  await end();
  if (isInterrupted) process.exit(INTERRUPTED);

  const seconds = Math.round((performance.now() - begun) / 1_000);
  const lines = [...failures].map(([text, times]) => `- ${text}${times > 1 ? ` (${times} times)` : ""}`);
  const more = lines.length > SHOWN_FAILURES ? `\nand ${lines.length - SHOWN_FAILURES} more` : "";
  print(
    lines.length === 0
      ? `Holds. (${seconds} s)`
      : `FAILED (${seconds} s):\n${lines.slice(0, SHOWN_FAILURES).join("\n")}${more}`,
  );
  // Not waited for: whatever is still open has no more to say.
  process.exit(lines.length === 0 ? 0 : FAILED);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
