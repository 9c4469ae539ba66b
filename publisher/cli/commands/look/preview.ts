import { type Command, Option } from "commander";
import { withTargetingKey } from "../../../../shared/flag/context.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { type Draft, readDraft } from "../../input/draft-option.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { parsePercent } from "../../input/percent.ts";
import { readSample, SAMPLE_FORMATS, type SampleFormat } from "../../input/sample.ts";
import { counted } from "../../words/amounts.ts";
import { printPreview } from "../../words/preview-words.ts";

interface Options {
  readonly rollout?: number;
  readonly enable?: boolean;
  readonly disable?: boolean;
  readonly draft?: string;
  readonly contexts?: string;
  readonly format?: SampleFormat;
  readonly json?: boolean;
}

export function addPreview(program: Command, cli: Cli): void {
  flagCommand(
    program,
    "preview",
    "Show which users a change would give the flag, and which would lose it. Saves nothing.",
  )
    .option("--rollout <percent>", "with this percentage", parsePercent)
    .addOption(new Option("--enable", "switched on").conflicts("disable"))
    .option("--disable", "switched off")
    .option("--draft <file>", "with this change: a JSON merge patch as for PATCH; JSON, a file name, or -")
    .option("--contexts <file>", "the users: a file of JSON, JSON lines, CSV or ids, or -")
    .addOption(new Option("--format <format>", "the format of that file").choices(SAMPLE_FORMATS))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A file of contexts is a JSON array, one JSON object per line, CSV with a header of attributes (userId,plan,country), or
one user id per line; at most 10,000 contexts.

Examples:
  sluice preview ai_search --rollout 25 --contexts people.csv
  sluice preview ai_search --enable --draft new-rules.json --contexts people.jsonl
  shuf -n 10000 user-ids.txt | sluice preview ai_search --rollout 25 --contexts -`,
    )
    .action(async (key: string, options: Options) => {
      const { contexts: file } = options;
      if (file === undefined) {
        throw new CliError(EXIT.usage, "the users are missing", {
          fix: ["name a file with --contexts, such as one user id per line; - is standard input"],
        });
      }
      const draft = await draftOf(cli, options);
      if (Object.keys(draft).length === 0) {
        throw new CliError(EXIT.usage, "there is no change to preview", {
          fix: ["add --rollout <percent>, --enable, --disable or --draft <file>"],
        });
      }
      const contexts = await readSample(cli, "--contexts", file, options.format);
      if (contexts.length > 1_000) cli.terminal.progress(`Sending ${contexts.length} contexts`);
      const preview = await cli.api().preview(key, draft, contexts);
      cli.terminal.progress("");
      if (options.json === true) return cli.terminal.printJson(preview);
      printPreview(cli.terminal, key, preview);
      const lost = contexts.filter((context) => withTargetingKey(context).targetingKey === undefined).length;
      if (lost > 0) {
        cli.terminal.note(
          `${counted(lost, "context")} of ${contexts.length} have neither userId nor anonymousId: they have no bucket, so percentages below 100 and variants exclude them.`,
        );
      }
    });
}

async function draftOf(cli: Cli, { draft, rollout, enable, disable }: Options): Promise<Draft> {
  return {
    ...(draft !== undefined && (await readDraft(cli, draft))),
    ...(rollout !== undefined && { rollout_pct: rollout }),
    ...(enable === true && { enabled: true }),
    ...(disable === true && { enabled: false }),
  };
}
