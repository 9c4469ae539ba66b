import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeMachine } from "./machine.ts";
import { toTable, type Row } from "./table.ts";

/** The tools of a measurement. */
export interface Bench {
  /** A folder that is removed afterwards. */
  readonly folder: string;
  /** Registers how to end a part. However the run ends, the last part that started ends first. */
  readonly defer: (stop: () => Promise<unknown>) => void;
  /** Ends everything that was deferred so far. */
  readonly clear: () => Promise<void>;
  /** Reports progress to standard error, so that a redirected report has only figures. */
  readonly progress: (text: string) => void;
  readonly print: (text: string) => void;
  readonly table: (rows: readonly Row[]) => void;
  /** Marks the run as failed unless the condition is true, and continues. */
  readonly check: (isSo: boolean, otherwise: string) => void;
}

/** The most failures that are listed: a broken run has thousands. */
const SHOWN_FAILURES = 20;

/** How long to wait for a part that is still starting when the run ends. */
const LAST_START_MS = 5_000;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const FAILED = 1;
/** The exit code that shells use for Ctrl-C. */
const INTERRUPTED = 130;

/** Runs one measurement. The exit code is not 0 when a check or the run itself failed. */
export async function runBench(title: string, work: (bench: Bench) => Promise<void>): Promise<void> {
  const begun = performance.now();
  /** Failed checks, and how often each failed. */
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
    // A part that was starting when the signal came can only be stopped once it has started.
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
  // Not awaited: open connections matter no more.
  process.exit(lines.length === 0 ? 0 : FAILED);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
