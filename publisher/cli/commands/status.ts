import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { formatPairs } from "../table.ts";
import { visible } from "../visible.ts";

export function addStatus(program: Command, cli: Cli): void {
  program
    .command("status")
    .description("Show where Postgres and Redis stand.")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Ends with 0 when Redis has everything, 7 when it does not yet, 8 when it contradicts Postgres.

Example:
  sluice status`,
    )
    .action(async (options: { json?: boolean }) => {
      const api = cli.api();
      const status = await api.status();
      const { epoch, revision, published, redis, fault, diverged } = status;
      if (options.json === true) {
        cli.terminal.printJson(status);
      } else {
        const pairs: (readonly [string, string])[] = [
          ["publisher", api.connection.shownUrl],
          ["Postgres", `revision ${revision} (epoch ${epoch})`],
          ["Redis", redis === null ? "not known" : `revision ${redis.revision} (epoch ${redis.epoch})`],
          ["published", published ? "yes" : "NOT yet"],
          ...(fault === null ? [] : [["fault", visible(fault, 400)] as const]),
        ];
        cli.terminal.print(formatPairs(pairs, cli.terminal.paint));
      }
      if (diverged) cli.endWith(EXIT.diverged);
      else if (!published) cli.endWith(EXIT.notYetEverywhere);
    });
}
