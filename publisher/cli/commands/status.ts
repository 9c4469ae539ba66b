import type { Command } from "commander";
import type { Status } from "../api/answers.ts";
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
      const { epoch, revision, published, redis, diverged } = status;
      if (options.json === true) {
        cli.terminal.printJson(status);
      } else {
        const pairs: (readonly [string, string])[] = [
          ["publisher", api.connection.shownUrl],
          ["Postgres", `revision ${revision} (epoch ${epoch})`],
          ["Redis", redis === null ? "not known" : `revision ${redis.revision} (epoch ${redis.epoch})`],
          ["published", published ? "yes" : "NOT yet"],
          ...troubleOf(status),
        ];
        cli.terminal.print(formatPairs(pairs, cli.terminal.paint));
      }
      if (diverged) cli.endWith(EXIT.diverged);
      else if (!published) cli.endWith(EXIT.notYetEverywhere);
    });
}

function troubleOf({ fault, divergence }: Status): readonly (readonly [string, string])[] {
  if (!divergence) return fault === null ? [] : [["fault", visible(fault, 400)]];
  const { why, since, redis } = divergence;
  return [
    [
      "DIVERGED",
      `${visible(why, 200)} (Redis: epoch ${redis.epoch}, revision ${redis.revision}; since ${visible(since, 40)})`,
    ],
    ["so far", "nothing is published; kills reach the edge all the same"],
    ["way out", "find out which is right; if this database is: `sluice publish --force`"],
  ];
}
