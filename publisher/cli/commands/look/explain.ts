import type { Command } from "commander";
import type { Explained, Standing } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import {
  addContextOptions,
  type ContextOptions,
  readContext,
  typedContext,
} from "../../input/context-option.ts";
import { readDraft, typedDraft } from "../../input/draft-option.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { type Cell, formatPairs, formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { percentInWords } from "../../words/amounts.ts";
import { valueInWords } from "../../words/condition-words.ts";
import {
  becauseInWords,
  decidingStep,
  placeInWords,
  stepLines,
  verdictInWords,
} from "../../words/explanation-words.ts";

/** So many characters of a reason fit into a table. */
const MAX_BECAUSE = 80;

interface Options extends ContextOptions {
  readonly all?: boolean;
  readonly draft?: string;
  readonly json?: boolean;
}

export function addExplain(program: Command, cli: Cli): void {
  const explain = program
    .command("explain")
    .description("Say whether a flag is on for somebody, and why: the whole way to the decision.")
    .argument("[key]", "the flag", parseFlagKey)
    .option("--all", "every flag, one a line");
  addContextOptions(explain)
    .option(
      "--draft <file>",
      "as if this were saved: a JSON merge patch, as PATCH takes it; JSON itself, a file of it, or -",
    )
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
        // As Commander says it of every other command.
        throw new CliError(EXIT.usage, "missing required argument 'key'", {
          mend: ["name a flag, or give --all", "`sluice explain --help` explains it"],
        });
      }
      const draft = options.draft === undefined ? undefined : await readDraft(cli, options.draft);
      const context = await readContext(cli, options);
      const typed = { ...typedContext(options), ...typedDraft({}) };
      const { body: explanation, said } = await cli.api().explain(key, context, draft, typed);
      if (options.json === true) return cli.terminal.printJson(said);
      const { terminal } = cli;
      terminal.print(formatPairs([...pairsOf(explanation), ...standingPairs(explanation)], terminal.paint));
      const lines = stepLines(explanation);
      if (lines.length === 0) return;
      terminal.print("\nThe way to it:");
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
    throw new CliError(EXIT.usage, "--draft and --all do not go together", {
      mend: ["name the flag that it is a draft of"],
    });
  }
  if (key !== undefined) {
    throw new CliError(EXIT.usage, `${key} and --all do not go together`, {
      mend: ["name one flag, or give --all"],
    });
  }
  const context = await readContext(cli, options);
  const { body: answer, said } = await cli.api().explainAll(context, typedContext(options));
  if (options.json === true) return cli.terminal.printJson(said);
  const { terminal } = cli;
  if (answer.flags.length === 0) return terminal.print("There are no flags yet.");
  const rows = answer.flags.map((flag): Cell[] => [
    visible(flag.flag_key, 64),
    { text: verdictInWords(flag), style: flag.value ? "green" : "dim" },
    decidingStep(flag) ?? "-",
    // What is wrong with a broken flag may be long; `explain <key>` says all of it.
    visible(becauseInWords(flag), MAX_BECAUSE),
  ]);
  terminal.print(formatTable(["FLAG", "FOR THEM", "DECIDED BY", "BECAUSE"], rows, terminal));
  const unknown = answer.flags.find(({ killed_at_edge: killed }) => killed === null);
  if (unknown !== undefined) {
    terminal.print(
      terminal.paint("yellow", `Whether the edge holds one of them off is not known: ${edgeFault(unknown)}`),
    );
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
    ["because", becauseInWords(explained)],
    ["reason", visible(errorCode === undefined ? reason : `${reason} (${errorCode})`, 80)],
    ...(rule === undefined ? [] : [["decided by", rule] as const]),
    ...(bucket === undefined
      ? []
      : [["their place", `${placeInWords(bucket)} of 100, by ${visible(bucketBy, 128)}`] as const]),
    ["percentage", percentInWords(explained.rollout_pct)],
    // This answer is that of Postgres.
    ...(explained.killed_at_edge === null
      ? [["at the edge", `not known: ${edgeFault(explained)}`] as const]
      : []),
  ];
}

function edgeFault({ edge_fault: fault }: Explained): string {
  return visible(fault ?? "Redis does not say", 300);
}

function standingPairs({ revision, published }: Standing): (readonly [string, string])[] {
  return [["all flags", `revision ${revision}, ${published ? "in Redis" : "NOT yet in Redis"}`]];
}
