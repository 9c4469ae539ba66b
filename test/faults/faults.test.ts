import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportFailure, reportRun } from "./report.ts";
import { runRounds, type Round } from "./run.ts";
import { readSettings } from "./settings.ts";
import { startSystem, type System } from "./system.ts";

const settings = readSettings(process.env);
const { seed, firstRound, lastRound } = settings;
const count = lastRound - firstRound + 1;

/** The progress is printed after this many rounds. */
const SAY_EVERY = 10;

/** A limit against hanging, per round. */
const ROUND_MS = 180_000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

let system: System;
const rounds: Round[] = [];

beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

describe(`seed ${seed}, rounds ${firstRound} to ${lastRound}`, () => {
  it(
    "breaks no rule in any round",
    async () => {
      say(`test:faults, seed ${seed}, rounds ${firstRound} to ${lastRound}`);
      for await (const round of runRounds(system, settings)) {
        rounds.push(round);
        if (round.violations.length > 0) throw new Error(reportFailure(round, settings, system.logLines()));
        if (rounds.length % SAY_EVERY === 0) say(`  ${rounds.length} of ${count} rounds`);
      }
      say(reportRun(rounds, settings));
      expect(rounds).toHaveLength(count);
    },
    ROUND_MS * count,
  );
});
