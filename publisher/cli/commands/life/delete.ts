import type { Command } from "commander";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { reportChange } from "../../edit/report-change.ts";
import { ask } from "../../input/ask.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { percentInWords } from "../../words/amounts.ts";
import { audienceOf, stateOf } from "../../words/flag-words.ts";

interface Options {
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function addDelete(program: Command, cli: Cli): void {
  flagCommand(program, "delete", "Delete a flag that has no gates.")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A flag with gates cannot be deleted, because its pages would open. Archive it instead.

Example:
  sluice delete ai_search`,
    )
    .action(async (key: string, options: Options) => {
      if (options.yes !== true && cli.stdin.isTTY !== true) {
        throw new CliError(EXIT.usage, `deleting ${key} needs --yes here`, {
          why: ["There is no terminal for the question."],
          fix: [`sluice delete ${key} --yes`],
        });
      }
      const api = cli.api();
      const { answer, etag } = await api.get(key);
      if (options.yes !== true) {
        const { flag } = answer;
        const state = `${stateOf(flag).text}, ${percentInWords(flag.rollout_pct)}, for ${audienceOf(flag)}`;
        if (!(await ask(cli, `Delete ${key} (${state})? [y/N] `))) {
          throw new CliError(EXIT.failure, `${key} was not deleted`, { fix: ["answer y to delete it"] });
        }
      }
      // With the ETag: a flag that changed since the question is not deleted.
      const deletion = await api.remove(key, etag);
      await reportChange(cli, api, options, deletion, { lines: [`${key} is deleted.`] });
    });
}
