import type { Command } from "commander";
import type { Flag } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editFlag } from "../../edit/edit-flag.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { formatPairs } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { percentInWords } from "../../words/amounts.ts";
import { drawHints } from "../../words/variant-words.ts";

interface Options extends JsonOption {
  readonly by?: string;
  /** False: --no-salt. */
  readonly salt?: string | false;
}

export function addBucket(program: Command, cli: Cli): void {
  program
    .command("bucket")
    .description("Say what deals users into the percentage, or draw others on purpose.")
    .argument("<key>", "the flag", parseFlagKey)
    .option(
      "--by <attribute>",
      "all who share this attribute are in together; targetingKey is each user alone",
    )
    .option("--salt <salt>", "draw other users for the same percentage")
    .option("--no-salt", "deal by the flag's key again")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Both draw everybody's place anew: at 10 %, other users are in than before. Whoever lacks the attribute is out.
Flags with the same salt let the same users in. Without an option it shows what stands there.

Examples:
  sluice bucket ai_search --by organization
  sluice bucket ai_search --salt second-draw`,
    )
    .action(async (key: string, options: Options) => {
      const { by, salt } = options;
      if (by === undefined && salt === undefined) return show(cli, key, options);
      if (by === "")
        throw new CliError(EXIT.usage, "--by is empty", { mend: ["--by targetingKey is each user alone"] });
      const api = cli.api();
      const wished = {
        ...(by !== undefined && { bucket_by: by }),
        ...(salt !== undefined && { salt: salt || null }),
      };
      let isChange = false;
      const answer = await editFlag(api, key, (flag) => {
        isChange = (wished.bucket_by ?? flag.bucket_by) !== flag.bucket_by || isOtherSalt(flag, wished.salt);
        return isChange ? wished : undefined;
      });
      const { flag } = answer;
      await reportChange(cli, api, options, answer, {
        lines: [
          isChange
            ? `${key} deals users in by ${inWords(flag)}.`
            : `${key} deals users in by ${inWords(flag)} already: nothing was changed.`,
        ],
        hints: isChange ? [...drawnAnew(flag), ...drawHints(flag)] : [],
      });
    });
}

/** Who was in is told only where some were. */
function drawnAnew({ enabled, rollout_pct: percent }: Flag): readonly string[] {
  if (!enabled || percent === 0 || percent === 100) return [];
  return [`Places are drawn anew: others are in its ${percentInWords(percent)} than before.`];
}

interface DealtFlag {
  readonly key: string;
  readonly bucket_by: string;
  readonly salt: string | null;
}

/** The key itself is what a flag without a salt is dealt with. */
function isOtherSalt(flag: DealtFlag, salt: string | null | undefined): boolean {
  return salt !== undefined && (salt ?? flag.key) !== (flag.salt ?? flag.key);
}

function inWords({ bucket_by: by, salt }: DealtFlag): string {
  return visible(by, 128) + (salt === null ? "" : `, with the salt ${visible(salt, 64)}`);
}

async function show(cli: Cli, key: string, options: Options): Promise<void> {
  const { bucket_by: by, salt } = (await cli.api().get(key)).answer.flag;
  if (options.json === true) return cli.terminal.printJson({ key, bucket_by: by, salt });
  cli.terminal.print(
    formatPairs(
      [
        ["dealt by", visible(by, 128)],
        ["salt", salt === null ? `${key} (its key)` : visible(salt, 64)],
      ],
      cli.terminal.paint,
    ),
  );
}
