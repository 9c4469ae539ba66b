import type { Kills } from "./kill-entry.ts";
import { withinTime } from "../process/within-time.ts";

/** Returns the kills to store, from those that are stored; undefined to change nothing. */
export type KillChange = (kills: Kills) => Kills | undefined;

/** How long further updates wait for the current one, in milliseconds: it may hang. */
const MAX_WAIT_MS = 500;

interface Waiting {
  readonly change: KillChange;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Combines updates of the kills: all changes that arrive during one update become one more update. Otherwise each of
 * them would compare-and-set against all others, and the last of forty kills would be too late.
 *
 * @param update compares and sets; calls the change again if another publisher wrote in between
 */
export function createKillUpdates(
  update: (change: KillChange) => Promise<void>,
): (change: KillChange) => Promise<void> {
  let waiting: Waiting[] = [];
  let running = false;

  async function send(batch: readonly Waiting[]): Promise<void> {
    try {
      await update((kills) => applyAll(batch, kills));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await withinTime(MAX_WAIT_MS, send(batch), () => undefined);
    }
    running = false;
  }

  return (change) =>
    new Promise((resolve, reject) => {
      waiting.push({ change, resolve, reject });
      if (!running) void run();
    });
}

function applyAll(batch: readonly Waiting[], kills: Kills): Kills | undefined {
  let changed: Kills | undefined;
  for (const { change } of batch) changed = change(changed ?? kills) ?? changed;
  return changed;
}
