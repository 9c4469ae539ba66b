import { fork } from "node:child_process";
import { once } from "node:events";

/** Longer than any part takes to stop in order. */
const STOP_TIMEOUT_MS = 15_000;

/** A part of the system in a process of its own, so that its work does not stand in the way of who measures it. */
export interface Part<Started, Counts> {
  /** What it said when it was up. */
  readonly started: Started;
  /** What it has counted so far. */
  readonly counts: () => Promise<Counts>;
  readonly stop: () => Promise<void>;
}

/** What a part's module runs. */
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
  // Heard of by whoever asks next.
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

/** Serves a part in this process until the one that started it lets go of it, or is gone. */
export function servePart<Started, Counts>(
  start: (options: object) => Promise<PartWork<Started, Counts>>,
): void {
  let work: Promise<PartWork<Started, Counts>> | undefined;
  // A terminal's Ctrl-C is for the one that started it: it ends the parts in their order.
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
    // Nobody is left to hear of an orderly stop that hangs.
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    await (await work)?.stop();
    process.exit(0);
  }
}
