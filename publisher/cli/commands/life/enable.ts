import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { widenFlag } from "../../edit/widen-flag.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { percentInWords } from "../../words/amounts.ts";
import { audienceOf } from "../../words/flag-words.ts";
import { warningsOf } from "../../words/warnings.ts";

export function addEnable(program: Command, cli: Cli): void {
  program
    .command("enable")
    .description("Switch a flag on: targeting and percentage decide from then on.")
    .argument("<key>", "the flag", parseFlagKey)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
It is refused when somebody has changed the flag at the same time.

Example:
  sluice enable ai_search`,
    )
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      const seen = await api.get(key);
      // Also when it is on already: a kill may stand at the edge that Postgres has not heard of yet.
      const answer = await widenFlag(seen, (etag) => api.enable(key, etag));
      const { flag } = answer;
      await reportChange(cli, api, options, answer, {
        lines: [
          seen.answer.flag.enabled
            ? `${key} is on, as it was.`
            : `${key} is on, for ${audienceOf(flag)}, at ${percentInWords(flag.rollout_pct)}.`,
        ],
        hints: warningsOf(flag),
      });
    });
}

export function addRestore(program: Command, cli: Cli): void {
  program
    .command("restore")
    .description("Bring an archived flag back; it stays off.")
    .argument("<key>", "the flag", parseFlagKey)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice restore ai_search")
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      const answer = await api.restore(key);
      await reportChange(cli, api, options, answer, {
        lines: [
          answer.flag.enabled ? `${key} was not archived; it is on.` : `${key} is in the lists, and off.`,
        ],
        hints: answer.flag.enabled ? [] : [`\`sluice enable ${key}\` switches it on.`],
      });
    });
}
