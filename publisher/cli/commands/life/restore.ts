import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { reportChange, type JsonOption } from "../../edit/report-change.ts";

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
