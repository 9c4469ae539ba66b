import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { reportChange, type JsonOption } from "../../edit/report-change.ts";

export function addArchive(program: Command, cli: Cli): void {
  program
    .command("archive")
    .description("Switch a flag off for good, and take it out of the lists.")
    .argument("<key>", "the flag", parseFlagKey)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice archive ai_search")
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      const answer = await api.archive(key);
      await reportChange(cli, api, options, answer, {
        lines: [`${key} is archived: off for everybody, and out of the lists.`],
        hints: [`\`sluice restore ${key}\` brings it back.`],
      });
    });
}
