import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { widenFlag } from "../../edit/widen-flag.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { percentInWords } from "../../words/amounts.ts";
import { audienceOf } from "../../words/flag-words.ts";
import { warningsOf } from "../../words/warnings.ts";

export function addEnable(program: Command, cli: Cli): void {
  flagCommand(program, "enable", "Turn a flag on: targeting and percentage then decide.")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The command fails if somebody else changed the flag at the same time.

Example:
  sluice enable ai_search`,
    )
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      const seen = await api.get(key);
      // Even when the flag is already on: the edge may have a kill that Postgres does not have yet.
      const answer = await widenFlag(seen, (etag) => api.enable(key, etag));
      const { flag } = answer;
      await reportChange(cli, api, options, answer, {
        lines: [
          seen.answer.flag.enabled
            ? `${key} is already on.`
            : `${key} is on, for ${audienceOf(flag)}, at ${percentInWords(flag.rollout_pct)}.`,
        ],
        hints: warningsOf(flag),
      });
    });
}

export function addRestore(program: Command, cli: Cli): void {
  flagCommand(program, "restore", "Restore an archived flag; it stays off.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice restore ai_search")
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      const answer = await api.restore(key);
      await reportChange(cli, api, options, answer, {
        lines: [answer.flag.enabled ? `${key} was not archived; it is on.` : `${key} is restored and off.`],
        hints: answer.flag.enabled ? [] : [`\`sluice enable ${key}\` turns it on.`],
      });
    });
}
