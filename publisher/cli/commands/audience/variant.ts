import type { Command } from "commander";
import type { Flag } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editPart, type PartChange } from "../../edit/edit-flag.ts";
import type { JsonOption } from "../../edit/report-change.ts";
import { readVariants, removeVariants, setVariants } from "../../edit/variants-edit.ts";
import { collectNames, flagCommand } from "../../input/flag-key.ts";
import { collectValues, collectWeights } from "../../input/pair.ts";
import { readJsonOption } from "../../input/text/json-text.ts";
import { formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { percentInWords } from "../../words/amounts.ts";
import { variantHints, shareOf, variantValueInWords } from "../../words/variant-words.ts";

interface SetOptions extends JsonOption {
  readonly value?: ReadonlyMap<string, string>;
  readonly withoutValue?: readonly string[];
}

export function addVariant(program: Command, cli: Cli): void {
  const variant = program
    .command("variant")
    .description("Variants: the values of a flag that is on.")
    .addHelpText(
      "after",
      `
The percentage and the variant are independent: a higher percentage moves nobody to another variant, and new weights
move as few users as possible.

Examples:
  sluice variant set ai_search small=75 large=25
  sluice variant set ai_search --value 'large={"model": "large", "tokens": 2000}'
  sluice variant list ai_search`,
    );
  addListing(variant, cli);
  addSetting(variant, cli);
  addRemoving(variant, cli);
}

function addListing(variant: Command, cli: Cli): void {
  flagCommand(variant, "list", "List a flag's variants.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice variant list ai_search")
    .action(async (key: string, options: JsonOption) => {
      const { answer } = await cli.api().get(key);
      const variants = readVariants(answer.flag);
      if (options.json === true) return cli.terminal.printJson({ key, variants });
      if (variants.length === 0) {
        return cli.terminal.print(`${key} has no variants: it is on or off.`);
      }
      const rows = variants.map((one) => [
        visible(one.key, 64),
        String(one.weight),
        percentInWords(shareOf(one.key, variants)),
        variantValueInWords(one),
      ]);
      cli.terminal.print(formatTable(["VARIANT", "WEIGHT", "SHARE", "VALUE"], rows, cli.terminal));
    });
}

function addSetting(variant: Command, cli: Cli): void {
  flagCommand(variant, "set", "Add variants, or change weights and values. Everything else stays the same.")
    .argument("[key=weight...]", "variants and their relative weights", collectWeights)
    .option("--value <key=json>", "a variant's value: JSON, or key=@FILE", collectValues)
    .option("--without-value <key>", "remove a variant's value", collectNames)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice variant set ai_search small=75 large=25
  sluice variant set ai_search large=50 --value 'large={"model": "large"}' --value small=@small.json`,
    )
    .action(async (key: string, given: ReadonlyMap<string, number> | readonly [], options: SetOptions) => {
      // Commander passes an empty array when there is no argument.
      const weights = "get" in given ? given : new Map<string, number>();
      const { value = new Map<string, string>(), withoutValue = [] } = options;
      if (weights.size === 0 && value.size === 0 && withoutValue.length === 0) {
        throw new CliError(EXIT.usage, "there is nothing to change", {
          fix: [`name variants and weights, for example \`sluice variant set ${key} small=75 large=25\``],
        });
      }
      const both = withoutValue.find((name) => value.has(name));
      if (both !== undefined) {
        throw new CliError(EXIT.usage, `--value and --without-value both name ${both}`, {
          fix: ["use one of them"],
        });
      }
      const values = await readValues(cli, value);
      await change(cli, key, options, (flag) => setVariants(flag, { weights, values, withoutValue }));
    });
}

function addRemoving(variant: Command, cli: Cli): void {
  flagCommand(variant, "remove", "Remove variants; without variants the flag is on or off.")
    .argument("<variant...>", "their keys", collectNames)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice variant remove ai_search large")
    .action((key: string, variants: readonly string[], options: JsonOption) =>
      change(cli, key, options, (flag) => removeVariants(flag, variants)),
    );
}

async function readValues(
  cli: Cli,
  given: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const [key, text] of given) {
    const example = `${key}='{"model": "large"}', or a word as ${key}='"large"'`;
    values.set(key, await readJsonOption(cli, `--value ${key}`, text, example));
  }
  return values;
}

function change(cli: Cli, key: string, options: JsonOption, edit: (flag: Flag) => PartChange): Promise<void> {
  return editPart(cli, key, options, {
    edit,
    unchanged: `The variants of ${key} are already like this`,
    changed: `Changed the variants of ${key}:`,
    hints: (flag, isChanged) => (isChanged ? variantHints(flag) : []),
  });
}
