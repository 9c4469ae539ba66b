import type { Command } from "commander";
import type { Flag } from "../../api/answers.ts";
import type { Cli } from "../../cli.ts";
import { checkPrerequisites } from "../../edit/check-prerequisites.ts";
import { editPart, type PartChange } from "../../edit/edit-flag.ts";
import type { JsonOption } from "../../edit/report-change.ts";
import { addRequirements, readRequires, removeRequirements } from "../../edit/requires-edit.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { collectPrerequisites, type Prerequisite } from "../../input/pair.ts";
import { requirementInWords } from "../../words/flag-words.ts";

export function addRequire(program: Command, cli: Cli): void {
  const require = program
    .command("require")
    .description("Prerequisites: other flags that a user must have before this flag can be on.")
    .addHelpText(
      "after",
      `
Examples:
  sluice require add ai_chat ai_search
  sluice require add ai_chat models=large
  sluice require list ai_chat`,
    );
  flagCommand(require, "list", "List the prerequisites of a flag.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice require list ai_chat")
    .action(async (key: string, options: JsonOption) => {
      const requires = readRequires((await cli.api().get(key)).answer.flag);
      if (options.json === true) return cli.terminal.printJson({ key, requires });
      if (requires.length === 0) return cli.terminal.print(`${key} needs no other flag.`);
      for (const one of requires) cli.terminal.print(requirementInWords(one));
    });
  flagCommand(require, "add", "Add prerequisites: other flags, or variants of them.")
    .argument("<other[=variant]...>", "the prerequisites", collectPrerequisites)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  sluice require add ai_chat ai_search\n  sluice require add ai_chat models=large",
    )
    .action(async (key: string, others: readonly Prerequisite[], options: JsonOption) => {
      await checkPrerequisites(cli.api(), key, others);
      await change(cli, key, options, (flag) => addRequirements(flag, others));
    });
  flagCommand(require, "remove", "Remove prerequisites.")
    .argument("<other...>", "the prerequisites", collectPrerequisites)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice require remove ai_chat ai_search")
    .action((key: string, others: readonly Prerequisite[], options: JsonOption) =>
      change(cli, key, options, (flag) => removeRequirements(flag, others)),
    );
}

function change(cli: Cli, key: string, options: JsonOption, edit: (flag: Flag) => PartChange): Promise<void> {
  return editPart(cli, key, options, {
    edit,
    unchanged: `${key} already needs this`,
    changed: `Changed the prerequisites of ${key}:`,
    below: (flag) => {
      const needs = readRequires(flag).map(requirementInWords).join(", ");
      return needs === "" ? `${key} needs no other flag now.` : `${key} is off for users without ${needs}.`;
    },
  });
}
