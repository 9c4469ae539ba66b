import type { Command } from "commander";
import type { Flag } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editFlag } from "../../edit/edit-flag.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { formatPairs } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { percentInWords } from "../../words/amounts.ts";
import { variantHints } from "../../words/variant-words.ts";

interface Options extends JsonOption {
  readonly by?: string;
  /** False: --no-salt. */
  readonly salt?: string | false;
}

export function addBucket(program: Command, cli: Cli): void {
  flagCommand(program, "bucket", "Choose the attribute that assigns buckets, or re-randomize the users.")
    .option("--by <attribute>", "users with the same value share a bucket; targetingKey: one bucket per user")
    .option("--salt <salt>", "re-randomize: the same percentage, other users")
    .option("--no-salt", "use the flag's key as salt again")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Both re-randomize all buckets: at 10 %, other users get the flag than before. Users without the attribute do not get it.
Flags with the same salt have the same buckets. Without an option, the command shows the current values.

Examples:
  sluice bucket ai_search --by organization
  sluice bucket ai_search --salt second-draw`,
    )
    .action(async (key: string, options: Options) => {
      const { by, salt } = options;
      if (by === undefined && salt === undefined) return show(cli, key, options);
      if (by === "")
        throw new CliError(EXIT.usage, "--by is empty", {
          fix: ["use --by targetingKey for one bucket per user"],
        });
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
            ? `${key} assigns buckets by ${inWords(flag)}.`
            : `${key} already assigns buckets by ${inWords(flag)}: nothing was changed.`,
        ],
        hints: isChange ? [...reassignedHint(flag), ...variantHints(flag)] : [],
      });
    });
}

/** Printed only when some users had the flag. */
function reassignedHint({ enabled, rollout_pct: percent }: Flag): readonly string[] {
  if (!enabled || percent === 0 || percent === 100) return [];
  return [`The buckets are re-randomized: other users are in its ${percentInWords(percent)} than before.`];
}

type DealtFlag = Pick<Flag, "key" | "bucket_by" | "salt">;

/** Without a salt, the flag's key is the salt. */
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
        ["bucket by", visible(by, 128)],
        ["salt", salt === null ? `${key} (its key)` : visible(salt, 64)],
      ],
      cli.terminal.paint,
    ),
  );
}
