import { randomInt } from "node:crypto";

/** What a run is told from outside. */
export interface Settings {
  /** Decides the faults and what the clients do; not which of two processes is faster. */
  readonly seed: string;
  readonly firstRound: number;
  readonly lastRound: number;
}

/**
 * Reads SLUICE_TEST_SEED (random when absent) and SLUICE_TEST_ROUNDS: a number, or `57-60` for these alone. Each round
 * has its own plan out of seed and number, so that one that failed can be repeated without those before it.
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const seed = environment["SLUICE_TEST_SEED"] || String(randomInt(1_000_000_000));
  const rounds = environment["SLUICE_TEST_ROUNDS"] || "200";
  const [, first = "1", last = ""] = /^(?:(\d{1,6})-)?(\d{1,6})$/.exec(rounds) ?? [];
  const settings = { seed, firstRound: Number(first), lastRound: Number(last) };
  if (last === "" || settings.firstRound < 1 || settings.lastRound < settings.firstRound) {
    throw new Error(
      `SLUICE_TEST_ROUNDS must be a number such as 200, or a range such as 57-60, not "${rounds}"`,
    );
  }
  return settings;
}
