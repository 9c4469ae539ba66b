import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { editFlag } from "../edit/edit-flag.ts";
import { parseFlagKey } from "../input/flag-key.ts";
import { reportChange, type JsonOption } from "../show/report-change.ts";

export function addDescribe(program: Command, cli: Cli): void {
  program
    .command("describe")
    .description("Change a flag's description.")
    .argument("<key>", "the flag", parseFlagKey)
    .argument("<text>", 'the new description; "" for none')
    .option("--json", "print JSON")
    .addHelpText("after", '\nExample:\n  sluice describe ai_search "AI answers above the results"')
    .action(async (key: string, text: string, options: JsonOption) => {
      const api = cli.api();
      let changed = false;
      const answer = await editFlag(api, key, (flag) => {
        changed = flag.description !== text;
        return changed ? { description: text } : undefined;
      });
      await reportChange(cli, api, options, answer, {
        lines: [changed ? `${key} has a new description.` : `${key} has that description already.`],
      });
    });
}
