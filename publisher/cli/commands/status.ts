import type { Command } from "commander";
import type { Status } from "../api/answers.ts";
import type { Cli } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { askEdge } from "../edge/ask-edge.ts";
import { EDGE_HEADINGS, isWell, lookAt, toJson, toRow, type EdgeLook } from "../edge/edge-rows.ts";
import { EDGE_OPTION, collectEdges, findEdges } from "../edge/edge-urls.ts";
import { inTime } from "../edge/in-time.ts";
import { formatPairs, formatTable } from "../table.ts";
import { visible } from "../visible.ts";

export function addStatus(program: Command, cli: Cli): void {
  program
    .command("status")
    .description("Show where Postgres, Redis and the edge stand.")
    .option(...EDGE_OPTION, collectEdges)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Ends with 0 when Redis has everything, 7 when it does not yet, 8 when it contradicts Postgres. With --edge, or
SLUICE_EDGE_URLS (separated by commas), also with 7 when one of these workers has not, does not answer or says a fault.
A worker is many isolates; one of them answers.

Example:
  sluice status
  sluice status --edge https://www.example.com`,
    )
    .action(async (options: { readonly edge?: readonly string[]; readonly json?: boolean }) => {
      const api = cli.api();
      const edges = findEdges(cli, options.edge);
      const heard = await Promise.all(edges.map(async (edge) => ({ edge, heard: await askEdge(edge) })));
      const sentAt = performance.now();
      const status = await api.status();
      const asked = { sentAt, heardAt: performance.now() };
      const looks = heard.map(({ edge, heard }) => lookAt(edge, heard, status, asked));

      if (options.json === true) {
        cli.terminal.printJson(edges.length === 0 ? status : { ...status, edges: looks.map(toJson) });
      } else {
        tell(cli, api.connection.shownUrl, status, looks);
      }
      if (status.diverged || looks.some(({ heard }) => heard?.status.diverged === true)) {
        cli.endWith(EXIT.diverged);
      } else if (!status.published || !looks.every(isWell)) {
        cli.endWith(EXIT.notYetEverywhere);
      }
    });
}

function tell({ terminal }: Cli, shownUrl: string, status: Status, looks: readonly EdgeLook[]): void {
  const { epoch, revision, published, redis, changed_ms_ago: changed } = status;
  const ago = changed === undefined ? "" : `, since ${inTime(changed)}`;
  const pairs: (readonly [string, string])[] = [
    ["publisher", shownUrl],
    ["Postgres", `revision ${revision} (epoch ${epoch})${ago}`],
    ["Redis", redis === null ? "not known" : `revision ${redis.revision} (epoch ${redis.epoch})`],
    ["published", published ? "yes" : "NOT yet"],
    ...troubleOf(status),
  ];
  terminal.print(formatPairs(pairs, terminal.paint));
  if (looks.length === 0) return;
  const { paint, columns } = terminal;
  terminal.print(`\n${formatTable(EDGE_HEADINGS, looks.map(toRow), { paint, columns })}`);
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
