import type { Command } from "commander";
import type { KillAnswer } from "../../api/answers.ts";
import { EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { collectEdges, EDGE_OPTION, findEdges } from "../../edge/edge-urls.ts";
import { proofOf, tellEdges, toReports, waitForEdges } from "../../edge/report-edges.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { parseSeconds } from "../../input/duration.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { visible } from "../../terminal/visible.ts";

interface KillOptions extends JsonOption {
  readonly edge?: readonly string[];
  /** Milliseconds. */
  readonly edgeTimeout: number;
}

const EDGE_TIMEOUT_MS = 30_000;

export function addKill(program: Command, cli: Cli): void {
  program
    .command("kill")
    .description("Switch a flag off for everybody, at once.")
    .argument("<key>", "the flag", parseFlagKey)
    .option(...EDGE_OPTION, collectEdges)
    .option("--edge-timeout <seconds>", "how long to wait for them (30)", parseSeconds, EDGE_TIMEOUT_MS)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
It asks nothing, needs no state, and works while Postgres is locked or down (exit code 7 then).
Percentage and targeting stay as they are, for \`sluice enable\`.

With --edge, or SLUICE_EDGE_URLS (separated by commas), it then waits until each of these workers has it, and says when
that was. A worker is many isolates; one of them answers. Ends with 7 when one is not known to have it in time.

Example:
  sluice kill ai_search
  sluice kill ai_search --edge https://www.example.com`,
    )
    .action(async (key: string, options: KillOptions) => {
      const startedAt = performance.now();
      const api = cli.api();
      const edges = findEdges(cli, options.edge);
      // One request and no look before it: in an emergency every further step is one that can fail.
      const answer = await api.kill(key);
      const times = { startedAt, answeredAt: performance.now() };
      const wait = () => waitForEdges(cli, edges, proofOf(answer, times), options.edgeTimeout);

      if (options.json === true) {
        const waited = edges.length === 0 ? {} : { edges: toReports(await wait(), times) };
        return report({ ...answer, ...waited });
      }
      await report(answer);
      if (edges.length > 0) tellEdges(cli, await wait(), times, options.edgeTimeout);

      async function report(told: KillAnswer): Promise<void> {
        if ("recorded" in told) return reportUnrecorded(cli, key, options, told);
        await reportChange(cli, api, options, told, { lines: [inWords(key, told)] });
      }
    });
}

function inWords(key: string, answer: Exclude<KillAnswer, { readonly recorded: false }>): string {
  if (answer.published) return `${key} is off for everybody.`;
  return answer.at_edge === true
    ? `${key} is off at the edge, and in Postgres.`
    : `${key} is switched off in Postgres; whether the edge has heard of it is not known.`;
}

function reportUnrecorded(cli: Cli, key: string, options: JsonOption, answer: KillAnswer): void {
  const { cause } = answer;
  const why = typeof cause === "string" ? visible(cause, 200) : "Postgres does not take it";
  const told =
    `${key} is killed at the edge, NOT yet recorded: ${why}. ` +
    "The publisher brings the kill in as soon as Postgres takes it.";
  if (options.json === true) {
    cli.terminal.printJson(answer);
    cli.terminal.note(told);
  } else {
    cli.terminal.print(cli.terminal.paint("yellow", told));
  }
  cli.endWith(EXIT.notYetEverywhere);
}

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
