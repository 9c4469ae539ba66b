import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { parseFlagKey } from "../input/flag-key.ts";
import { reportChange, type JsonOption } from "../show/report-change.ts";

export function addKill(program: Command, cli: Cli): void {
  program
    .command("kill")
    .description("Switch a flag off for everybody, at once.")
    .argument("<key>", "the flag", parseFlagKey)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
It asks nothing, needs no state, and works while Postgres is locked or down (exit code 7 then).
Percentage and targeting stay as they are, for \`sluice enable\`.

Example:
  sluice kill ai_search`,
    )
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      // One request and no look before it: in an emergency every further step is one that can fail.
      const answer = await api.kill(key);
      if (!("recorded" in answer)) {
        return reportChange(cli, api, options, answer, {
          lines: [
            answer.published
              ? `${key} is off for everybody.`
              : answer.at_edge === true
                ? `${key} is off at the edge, and in Postgres.`
                : `${key} is switched off in Postgres; whether the edge has heard of it is not known.`,
          ],
        });
      }
      const told =
        `${key} is killed at the edge, NOT yet recorded: Postgres does not answer. ` +
        "The publisher brings the kill in when Postgres is back.";
      if (options.json === true) {
        cli.terminal.printJson(answer);
        cli.terminal.note(told);
      } else {
        cli.terminal.print(cli.terminal.paint("yellow", told));
      }
      cli.endWith(EXIT.notYetEverywhere);
    });
}
