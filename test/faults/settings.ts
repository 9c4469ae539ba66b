import { randomInt } from "node:crypto";

/** The settings of a run. */
export interface Settings {
  /** Decides the faults and the actions of the clients. It does not decide which process is faster. */
  readonly seed: string;
  readonly firstRound: number;
  readonly lastRound: number;
}

/**
 * Reads SLUICE_TEST_SEED (random when absent) and SLUICE_TEST_ROUNDS: a number, or a range such as `57-60`. The plan of a
 * round depends only on seed and number, so a failed round can be repeated alone.
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
