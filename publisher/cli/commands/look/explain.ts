import type { Command } from "commander";
import type { Explained, PublishState } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { addContextOptions, type ContextOptions, readContext } from "../../input/context-option.ts";
import { readDraft } from "../../input/draft-option.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { type Cell, formatPairs, formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { percentInWords } from "../../words/amounts.ts";
import { valueInWords } from "../../words/condition-words.ts";
import {
  becauseInWords,
  decidingStep,
  bucketInWords,
  stepLines,
  verdictInWords,
} from "../../words/explanation-words.ts";

/** Longest reason in a table, in characters. */
const MAX_BECAUSE = 80;

interface Options extends ContextOptions {
  readonly all?: boolean;
  readonly draft?: string;
  readonly json?: boolean;
}

export function addExplain(program: Command, cli: Cli): void {
  const explain = program
    .command("explain")
    .description("Show whether a flag is on for a user, and every step of the decision.")
    .argument("[key]", "the flag", parseFlagKey)
    .option("--all", "every flag, one per line");
  addContextOptions(explain)
    .option("--draft <file>", "preview a change: a JSON merge patch as for PATCH; JSON, a file name, or -")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice explain ai_search --user u1 --plan enterprise --attribute country=DE
  sluice explain ai_search --context '{"userId": "u1", "isEmployee": true}'
  sluice explain --all --user u1`,
    )
    .action(async (key: string | undefined, options: Options) => {
      if (options.all === true) return explainAll(cli, key, options);
      if (key === undefined) {
        // Commander's text for the other commands.
        throw new CliError(EXIT.usage, "missing required argument 'key'", {
          fix: ["name a flag, or use --all", "`sluice explain --help` explains it"],
        });
      }
      const draft = options.draft === undefined ? undefined : await readDraft(cli, options.draft);
      const context = await readContext(cli, options);
      const explanation = await cli.api().explain(key, context, draft);
      if (options.json === true) return cli.terminal.printJson(explanation);
      const { terminal } = cli;
      terminal.print(
        formatPairs([...pairsOf(explanation), ...publishStatePairs(explanation)], terminal.paint),
      );
      const lines = stepLines(explanation);
      if (lines.length === 0) return;
      terminal.print("\nSteps:");
      terminal.print(
        formatPairs(
          lines.map(([step, words]) => [`  ${step}`, words] as const),
          terminal.paint,
        ),
      );
    });
}

async function explainAll(cli: Cli, key: string | undefined, options: Options): Promise<void> {
  if (options.draft !== undefined) {
    throw new CliError(EXIT.usage, "--draft and --all cannot be combined", {
      fix: ["name the flag of the draft"],
    });
  }
  if (key !== undefined) {
    throw new CliError(EXIT.usage, `${key} and --all cannot be combined`, {
      fix: ["name one flag, or use --all"],
    });
  }
  const context = await readContext(cli, options);
  const answer = await cli.api().explainAll(context);
  if (options.json === true) return cli.terminal.printJson(answer);
  const { terminal } = cli;
  if (answer.flags.length === 0) return terminal.print("There are no flags yet.");
  const rows = answer.flags.map((flag): Cell[] => [
    visible(flag.flag_key, 64),
    { text: verdictInWords(flag), style: flag.value ? "green" : "dim" },
    decidingStep(flag) ?? "-",
    // The fault of a broken flag may be long; `explain <key>` shows all of it.
    visible(becauseInWords(flag), MAX_BECAUSE),
  ]);
  terminal.print(formatTable(["FLAG", "STATE", "DECIDED BY", "REASON"], rows, terminal));
  const unknown = answer.flags.find(({ killed_at_edge: killed }) => killed === null);
  if (unknown !== undefined) {
    terminal.print(terminal.paint("yellow", `Kills of these flags are unknown: ${edgeFault(unknown)}`));
  }
}

function pairsOf(explained: Explained): (readonly [string, string])[] {
  const { flag_key: key, reason, error_code: errorCode, bucket, bucket_by: bucketBy } = explained;
  const rule = decidingStep(explained);
  return [
    [visible(key, 64), verdictInWords(explained)],
    ...(explained.variant_value === undefined
      ? []
      : [["value", valueInWords(explained.variant_value)] as const]),
    ["why", becauseInWords(explained)],
    ["reason", visible(errorCode === undefined ? reason : `${reason} (${errorCode})`, 80)],
    ...(rule === undefined ? [] : [["decided by", rule] as const]),
    ...(bucket === undefined
      ? []
      : [["bucket", `${bucketInWords(bucket)} of 100, by ${visible(bucketBy, 128)}`] as const]),
    ["percentage", percentInWords(explained.rollout_pct)],
    // The explanation is based on Postgres.
    ...(explained.killed_at_edge === null
      ? [["at the edge", `unknown: ${edgeFault(explained)}`] as const]
      : []),
  ];
}

function edgeFault({ edge_fault: fault }: Explained): string {
  return visible(fault ?? "Redis does not answer", 300);
}

function publishStatePairs({ revision, published }: PublishState): (readonly [string, string])[] {
  return [["all flags", `revision ${revision}, ${published ? "in Redis" : "NOT yet in Redis"}`]];
}
