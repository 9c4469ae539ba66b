import process from "node:process";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Resolves at the first signal to end; a second one ends the process at once, whatever still runs. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isEnding = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (isEnding) process.exit(1);
        isEnding = true;
        resolve();
      });
    }
  });
}
