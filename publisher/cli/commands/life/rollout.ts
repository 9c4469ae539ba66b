import type { Command } from "commander";
import type { FlagAnswer } from "../../api/answers.ts";
import { isRefusal } from "../../api/api-problem.ts";
import type { ApiClient } from "../../api/client.ts";
import type { Tagged } from "../../api/request.ts";
import type { Cli } from "../../cli.ts";
import { widenFlag } from "../../edit/widen-flag.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { parsePercent } from "../../input/percent.ts";
import { percentInWords } from "../../words/amounts.ts";
import { warningsOf } from "../../words/warnings.ts";
import { reportChange, type JsonOption } from "../../edit/report-change.ts";

export function addRollout(program: Command, cli: Cli): void {
  flagCommand(program, "rollout", "Set the rollout percentage of a flag.")
    .argument("<percent>", "0 to 100, two decimals at most: 25, 25% or 0.5", parsePercent)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Raising the percentage keeps all current users; lowering it removes the latest users first.
Raising fails if somebody else changed the flag at the same time; lowering never fails for that.

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
          ? `${key} is already at ${percentInWords(percent)}.`
          : `${key}: ${percentInWords(before)} -> ${percentInWords(percent)} of users.`;
      await reportChange(cli, api, options, answer, { lines: [line], hints: warningsOf(answer.flag) });
    });
}

/** Lowers the percentage without If-Match: a rollback must not fail because of somebody else's edit. */
async function narrow(
  api: ApiClient,
  key: string,
  percent: number,
  seen: Tagged<FlagAnswer>,
): Promise<FlagAnswer> {
  try {
    return await api.setRollout(key, percent, undefined);
  } catch (error) {
    if (!isRefusal(error, 428)) throw error;
    // Somebody lowered it further, so this would raise it. With the ETag, the API reports that change.
    return widenFlag(seen, (etag) => api.setRollout(key, percent, etag));
  }
}
