import type { Command } from "commander";
import type { FlagAnswer } from "../../api/answers.ts";
import { isRefusal } from "../../api/api-problem.ts";
import type { ApiClient, TaggedFlag } from "../../api/client.ts";
import type { Cli } from "../../cli.ts";
import { widenFlag } from "../../edit/widen-flag.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { parsePercent } from "../../input/percent.ts";
import { percentInWords } from "../../words/amounts.ts";
import { warningsOf } from "../../words/warnings.ts";
import { reportChange, type JsonOption } from "../../edit/report-change.ts";

export function addRollout(program: Command, cli: Cli): void {
  program
    .command("rollout")
    .description("Set for how many percent of users a flag is on.")
    .argument("<key>", "the flag", parseFlagKey)
    .argument("<percent>", "0 to 100, two decimals at most: 25, 25% or 0.5", parsePercent)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Nobody who is in falls out when you raise the percentage; lowering it drops the latest entrants first.
Raising it is refused when somebody has changed the flag at the same time; lowering it never is.

Example:
  sluice rollout ai_search 25`,
    )
    .action(async (key: string, percent: number, options: JsonOption) => {
      const api = cli.api();
      const seen = await api.get(key);
      const before = seen.answer.flag.rollout_pct;
      const answer =
        percent > before
          ? await widenFlag(seen, (etag) => api.setRollout(key, percent, etag))
          : await narrow(api, key, percent, seen);
      const line =
        percent === before
          ? `${key} is at ${percentInWords(percent)}, as it was.`
          : `${key}: ${percentInWords(before)} -> ${percentInWords(percent)} of users.`;
      await reportChange(cli, api, options, answer, { lines: [line], hints: warningsOf(answer.flag) });
    });
}

/** Unconditional, as long as it is a narrowing: whoever steps back must not lose to somebody else's edit. */
async function narrow(api: ApiClient, key: string, percent: number, seen: TaggedFlag): Promise<FlagAnswer> {
  try {
    return await api.setRollout(key, percent, undefined);
  } catch (error) {
    if (!isRefusal(error, 428)) throw error;
    // Somebody has gone further down meanwhile, so that this would widen: with the ETag, the API says who.
    return widenFlag(seen, (etag) => api.setRollout(key, percent, etag));
  }
}
