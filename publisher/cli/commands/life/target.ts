import { type Command, Option } from "commander";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editPart } from "../../edit/edit-flag.ts";
import { editTargeting, type TargetingEdit } from "../../edit/targeting-edit.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { readIdsFile } from "../../input/ids-file.ts";
import { collectItems } from "../../input/items.ts";
import { visible } from "../../terminal/visible.ts";
import { warningsOf } from "../../words/warnings.ts";

interface Options {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly unlist?: readonly string[];
  readonly allowFile?: string;
  readonly denyFile?: string;
  readonly move?: boolean;
  readonly plan?: readonly string[];
  readonly noPlan?: readonly string[];
  readonly anyPlan?: boolean;
  readonly employeesOnly?: boolean;
  readonly clear?: boolean;
  readonly json?: boolean;
}

export function addTarget(program: Command, cli: Cli): void {
  const noPlan = new Option(
    "--no-plan <plan>",
    "remove a plan; without any plan left, only allowed ids get the flag",
  );
  // Otherwise Commander treats it as the negation of --plan, and both as one option.
  noPlan.negate = false;
  flagCommand(program, "target", "Choose the users of a flag. Everything else stays the same.")
    .option("--allow <id>", "user ids that always get the flag, at any percentage", collectItems)
    .option("--deny <id>", "user ids that never get the flag, at any percentage", collectItems)
    .option("--unlist <id>", "remove user ids from both lists", collectItems)
    .option("--allow-file <file>", "allow the ids in a file, one per line; - is standard input")
    .option("--deny-file <file>", "deny the ids in a file")
    .option("--move", "move ids that are on the other list")
    .option("--plan <plan>", "only users on one of these plans are in the percentage", collectItems)
    .addOption(noPlan.argParser(collectItems))
    .option("--any-plan", "users on any plan or none")
    .option("--employees-only", "all employees and nobody else; the percentage is ignored")
    .option("--no-employees-only", "not only employees; the percentage counts")
    .option("--clear", "first remove all targeting, rules too")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Ids and plans may be repeated (--allow u1 --allow u2) or separated by commas (--allow u1,u2).

Examples:
  sluice target ai_search --allow u1,u2 --deny u3 --plan enterprise
  sluice target ai_search --allow-file beta-customers.txt`,
    )
    .action(async (key: string, options: Options) => {
      const edit = await toEdit(cli, key, options);
      const count = edit.allow.length + edit.deny.length + edit.unlist.length;
      if (count > 1_000) cli.terminal.progress(`Sending ${count} ids`);
      await editPart(cli, key, options, {
        edit: (flag) => editTargeting(flag, edit),
        unchanged: `${key} already has this targeting`,
        changed: `Changed ${key}:`,
        hints: warningsOf,
      });
    });
}

async function toEdit(cli: Cli, key: string, options: Options): Promise<TargetingEdit> {
  const { allowFile, denyFile, json: _json, move: _move, ...wishes } = options;
  if (Object.keys(wishes).length === 0 && allowFile === undefined && denyFile === undefined) {
    throw new CliError(EXIT.usage, "there is nothing to change", {
      fix: [
        `name a change, for example \`sluice target ${key} --employees-only\``,
        `\`sluice show ${key}\` shows the current targeting; \`sluice target --help\` explains the options`,
      ],
    });
  }
  const edit = {
    allow: join(options.allow, await readIds(cli, "--allow-file", allowFile)),
    deny: join(options.deny, await readIds(cli, "--deny-file", denyFile)),
    unlist: options.unlist ?? [],
    addPlans: options.plan ?? [],
    removePlans: options.noPlan ?? [],
    anyPlan: options.anyPlan === true,
    employeesOnly: options.employeesOnly,
    clear: options.clear === true,
    move: options.move === true,
  };
  refuseBoth("--allow", edit.allow, "--deny", edit.deny);
  refuseBoth("--allow", edit.allow, "--unlist", edit.unlist);
  refuseBoth("--deny", edit.deny, "--unlist", edit.unlist);
  refuseBoth("--plan", edit.addPlans, "--no-plan", edit.removePlans);
  return edit;
}

async function readIds(cli: Cli, option: string, file: string | undefined): Promise<readonly string[]> {
  return file === undefined ? [] : readIdsFile(cli, option, file);
}

function join(given: readonly string[] = [], fromFile: readonly string[]): string[] {
  return [...new Set([...given, ...fromFile])];
}

function refuseBoth(one: string, ids: readonly string[], other: string, others: readonly string[]): void {
  const twice = new Set(others);
  const id = ids.find((candidate) => twice.has(candidate));
  if (id === undefined) return;
  throw new CliError(EXIT.usage, `${one} and ${other} both name ${visible(id, 80)}`, {
    fix: [
      one === "--allow" && other === "--deny"
        ? "name each id once; to move an id, use --allow or --deny with --move"
        : "use one of them",
    ],
  });
}
