import { type Command, Option } from "commander";
import { withTargetingKey } from "../../../../shared/flag/context.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { type Draft, readDraft, typedDraft } from "../../input/draft-option.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
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
  program
    .command("preview")
    .description(
      "Say who would gain and who would lose a flag by a change, before it is made. Saves nothing.",
    )
    .argument("<key>", "the flag", parseFlagKey)
    .option("--rollout <percent>", "with this percentage", parsePercent)
    .addOption(new Option("--enable", "switched on").conflicts("disable"))
    .option("--disable", "switched off")
    .option(
      "--draft <file>",
      "with these members: a JSON merge patch, as PATCH takes it; JSON itself, a file of it, or -",
    )
    .option("--contexts <file>", "for these people: JSON, JSON lines, CSV or ids, or -")
    .addOption(new Option("--format <format>", "how they are written").choices(SAMPLE_FORMATS))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A file of contexts holds a JSON array, one JSON object a line, CSV with a header of attributes (userId,plan,country),
or one user id a line; at most 10,000 of them.

Examples:
  sluice preview ai_search --rollout 25 --contexts people.csv
  sluice preview ai_search --enable --draft new-rules.json --contexts people.jsonl
  shuf -n 10000 user-ids.txt | sluice preview ai_search --rollout 25 --contexts -`,
    )
    .action(async (key: string, options: Options) => {
      const { contexts: file } = options;
      if (file === undefined) {
        throw new CliError(EXIT.usage, "it is not said for whom", {
          mend: ["name a file with --contexts: one user id a line is enough, - is standard input"],
        });
      }
      const draft = await draftOf(cli, options);
      if (Object.keys(draft).length === 0) {
        throw new CliError(EXIT.usage, "there is no change to preview", {
          mend: ["add --rollout <percent>, --enable, --disable or --draft <file>"],
        });
      }
      const contexts = await readSample(cli, "--contexts", file, options.format);
      if (contexts.length > 1_000) cli.terminal.progress(`Sending ${contexts.length} contexts`);
      const preview = await cli.api().preview(key, draft, contexts, typedDraft(options));
      cli.terminal.progress("");
      if (options.json === true) return cli.terminal.printJson(preview);
      printPreview(cli.terminal, key, preview);
      const lost = contexts.filter((context) => withTargetingKey(context).targetingKey === undefined).length;
      if (lost > 0) {
        cli.terminal.note(
          `${counted(lost, "context")} of ${contexts.length} with neither userId nor anonymousId: out wherever users are dealt in one by one, by a percentage between 0 and 100 or a draw of variants.`,
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
