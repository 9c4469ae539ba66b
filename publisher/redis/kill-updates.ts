import type { Kills } from "./kill-entry.ts";
import { withinTime } from "../process/within-time.ts";

/** Gives what shall stand in Redis, from what stands there; undefined to leave it. */
export type KillChange = (kills: Kills) => Kills | undefined;

/** After so long, in milliseconds, nobody waits for the update that is under way: it may hang. */
const PATIENCE_MS = 500;

interface Waiting {
  readonly change: KillChange;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes updates of the kills that do not get in each other's way: those that come while one is under way go together
 * in one more. Each by itself would compare and set against all the others, and of forty kills at once the last would
 * come too late.
 *
 * @param update compares and sets; calls the change again when another publisher came in between
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
      await withinTime(PATIENCE_MS, send(batch), () => undefined);
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
