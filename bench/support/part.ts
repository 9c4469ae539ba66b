import { fork } from "node:child_process";
import { once } from "node:events";

/** Longer than any part takes to stop in order. */
const STOP_TIMEOUT_MS = 15_000;

/** A part of the system in its own process, so that its work does not slow the measuring process. */
export interface Part<Started, Counts> {
  /** Its first message, once it runs. */
  readonly started: Started;
  /** Its counts so far. */
  readonly counts: () => Promise<Counts>;
  readonly stop: () => Promise<void>;
}

/** The functions of a part's module. */
export interface PartWork<Started, Counts> {
  readonly started: Started;
  readonly counts: () => Counts;
  readonly stop: () => Promise<void>;
}

/** Starts the module at `url`, which calls `servePart`, with these options. */
export async function startPart<Started, Counts>(url: URL, options: object): Promise<Part<Started, Counts>> {
  const child = fork(url, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const gone = exited.then((): never => {
    throw new Error(`${url.pathname.split("/").at(-1)} has ended by itself`);
  });
  // The next call reports it.
  gone.catch(() => undefined);

  async function ask(question: object | string): Promise<unknown> {
    const answered = once(child, "message").then(([answer]: unknown[]) => answer);
    child.send(question);
    return Promise.race([answered, gone]);
  }

  return {
    started: (await ask(options)) as Started,
    counts: async () => (await ask("counts")) as Counts,
    stop: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** Serves a part in this process until its parent releases it or ends. */
export function servePart<Started, Counts>(
  start: (options: object) => Promise<PartWork<Started, Counts>>,
): void {
  let work: Promise<PartWork<Started, Counts>> | undefined;
  // Ctrl-C is for the parent, which ends the parts in order.
  process.on("SIGINT", () => undefined);
  process.on("message", (message: object | "counts") => {
    void answer(message);
  });
  process.on("disconnect", () => {
    void end();
  });

  async function answer(message: object | "counts"): Promise<void> {
    if (message === "counts") {
      process.send?.((await work)?.counts());
      return;
    }
    work = start(message);
    process.send?.((await work).started);
  }

  async function end(): Promise<void> {
    // If an orderly stop hangs, there is no parent left to report it to.
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    await (await work)?.stop();
    process.exit(0);
  }
}
