import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { widenFlag } from "../../edit/widen-flag.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { audienceOf } from "../../words/flag-words.ts";
import { percentInWords } from "../../words/percent-words.ts";
import { obstaclesOf } from "../../words/obstacles.ts";
import { reportChange, type JsonOption } from "../../edit/report-change.ts";

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
        hints: obstaclesOf(flag),
      });
    });
}
