import type { Command } from "commander";
import type { KillAnswer } from "../../api/answers.ts";
import { EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { collectEdges, EDGE_OPTION, findEdges } from "../../edge/edge-urls.ts";
import { proofOf, reportEdges, toReports, waitForEdges } from "../../edge/report-edges.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { parseSeconds } from "../../input/duration.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { visible } from "../../terminal/visible.ts";

interface KillOptions extends JsonOption {
  readonly edge?: readonly string[];
  /** Milliseconds. */
  readonly edgeTimeout: number;
}

const EDGE_TIMEOUT_MS = 30_000;

export function addKill(program: Command, cli: Cli): void {
  flagCommand(program, "kill", "Kill a flag: off for everybody, immediately.")
    .option(...EDGE_OPTION, collectEdges)
    .option("--edge-timeout <seconds>", "how long to wait (30)", parseSeconds, EDGE_TIMEOUT_MS)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
No question is asked. A kill works even while Postgres is locked or down (exit code 7).
Percentage and targeting are kept for \`sluice enable\`.

With --edge or SLUICE_EDGE_URLS (separated by commas), the command waits until each of these workers has the kill, and
shows when. A worker is many isolates; one of them answers. The exit code is 7 if a worker does not confirm in time.

Example:
  sluice kill ai_search
  sluice kill ai_search --edge https://www.example.com`,
    )
    .action(async (key: string, options: KillOptions) => {
      const startedAt = performance.now();
      const api = cli.api();
      const edges = findEdges(cli, options.edge);
      // One request only: in an emergency, every further step can fail.
      const answer = await api.kill(key);
      const times = { startedAt, answeredAt: performance.now() };
      const wait = () => waitForEdges(cli, edges, proofOf(answer, times), options.edgeTimeout);

      if (options.json === true) {
        const waited = edges.length === 0 ? {} : { edges: toReports(await wait(), times) };
        return report({ ...answer, ...waited });
      }
      await report(answer);
      if (edges.length > 0) reportEdges(cli, await wait(), times, options.edgeTimeout);

      async function report(outcome: KillAnswer): Promise<void> {
        if ("recorded" in outcome) return reportUnrecorded(cli, key, options, outcome);
        await reportChange(cli, api, options, outcome, { lines: [inWords(key, outcome)] });
      }
    });
}

function inWords(key: string, answer: Exclude<KillAnswer, { readonly recorded: false }>): string {
  if (answer.published) return `${key} is off for everybody.`;
  return answer.at_edge === true
    ? `${key} is off at the edge and in Postgres.`
    : `${key} is off in Postgres; it is unknown whether the edge has the kill.`;
}

function reportUnrecorded(
  cli: Cli,
  key: string,
  options: JsonOption,
  answer: Extract<KillAnswer, { readonly recorded: false }>,
): void {
  const line =
    `${key} is killed at the edge, NOT yet recorded: ${visible(answer.cause, 200)}. ` +
    "The publisher records the kill as soon as Postgres accepts it.";
  if (options.json === true) {
    cli.terminal.printJson(answer);
    cli.terminal.note(line);
  } else {
    cli.terminal.print(cli.terminal.paint("yellow", line));
  }
  cli.endWith(EXIT.notYetEverywhere);
}

export function addArchive(program: Command, cli: Cli): void {
  flagCommand(program, "archive", "Archive a flag: off for everybody, and hidden in lists.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice archive ai_search")
    .action(async (key: string, options: JsonOption) => {
      const api = cli.api();
      const answer = await api.archive(key);
      await reportChange(cli, api, options, answer, {
        lines: [`${key} is archived: off for everybody and hidden in lists.`],
        hints: [`\`sluice restore ${key}\` restores it.`],
      });
    });
}
