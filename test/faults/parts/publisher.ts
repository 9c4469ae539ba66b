import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Faults } from "./fault.ts";
import type { Janitor } from "./janitor.ts";

/** `sluice serve` as a separate process. */
export interface PublisherPart {
  /** The port; it changes with each start. */
  readonly port: () => number;
  /** Its last log lines. */
  readonly logLines: () => readonly string[];
  /** How it ended, each time that it ended by itself. */
  readonly ownEnds: readonly string[];
  readonly faults: Faults;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("../../../publisher/main.ts", import.meta.url));

const KEPT_LINES = 60;

/** How long a publisher may answer open requests after SIGTERM, before it is killed. */
const DRAIN_MS = 10_000;

/** Starts a publisher. @param environment its settings */
export async function startPublisherPart(
  environment: Readonly<Record<string, string>>,
  janitor: Janitor,
): Promise<PublisherPart> {
  const lines: string[] = [];
  const ownEnds: string[] = [];
  /** Processes that the test ended. */
  const ended = new WeakSet<ChildProcess>();
  let port = 0;
  let child = await start();

  async function start(): Promise<ChildProcess> {
    const started = spawn(process.execPath, [program, "serve"], {
      env: { PATH: process.env["PATH"], HOST: "127.0.0.1", PORT: "0", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (started.pid !== undefined) janitor.watch(started.pid);
    started.once("exit", (code, name) => {
      if (started.pid !== undefined) janitor.forget(started.pid);
      if (!ended.has(started))
        ownEnds.push(`${name ?? `code ${code}`}: ${lines.at(-1) ?? "it printed nothing"}`);
    });
    started.stderr.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.trimEnd().split("\n"));
      lines.splice(0, lines.length - KEPT_LINES);
    });
    port = await listeningPort(started);
    return started;
  }

  async function end(name: NodeJS.Signals): Promise<void> {
    ended.add(child);
    const gone = hasGone(child) ? undefined : once(child, "exit");
    child.kill(name);
    await gone;
  }

  const startAgain = async (): Promise<void> => {
    child = await start();
  };
  const faults: Faults = {
    killed: { begin: () => end("SIGKILL"), end: startAgain },
    stopped: {
      begin: async () => void child.kill("SIGSTOP"),
      end: async () => void child.kill("SIGCONT"),
    },
    // As at a deploy: it answers open requests and ends, and a new one starts.
    replaced: {
      async begin() {
        ended.add(child);
        child.kill("SIGTERM");
      },
      async end() {
        const gone = hasGone(child) ? undefined : once(child, "exit");
        await Promise.race([gone, sleep(DRAIN_MS)]);
        await end("SIGKILL");
        await startAgain();
      },
    },
  };
  return { port: () => port, logLines: () => lines, ownEnds, faults, stop: () => end("SIGKILL") };
}

function hasGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Reads the port from the first line that the publisher prints. */
function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = "";
    child.once("exit", (code) =>
      reject(new Error(`sluice serve ended at once with code ${code}: ${printed}`)),
    );
    child.once("error", reject);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text: Buffer | string) => {
        printed += text.toString();
        const [, port] = /listens at http:\/\/127\.0\.0\.1:(\d+)\//.exec(printed) ?? [];
        if (port !== undefined) resolve(Number(port));
      });
    }
  });
}
