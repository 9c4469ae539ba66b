import type { Command } from "commander";
import type { Flag } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editPart, type PartChange } from "../../edit/edit-flag.ts";
import type { JsonOption } from "../../edit/report-change.ts";
import {
  insertRule,
  moveRule,
  type Outcome,
  positionOf,
  type PositionOptions,
  readRules,
  removeRules,
  type RuleWishes,
  setRule,
} from "../../edit/rules-edit.ts";
import { collectNames, flagCommand, parseFlagKey, parseName } from "../../input/flag-key.ts";
import { parsePercent } from "../../input/percent.ts";
import { readJsonObject } from "../../input/text/json-text.ts";
import { formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { conditionInWords } from "../../words/condition-words.ts";
import { outcomeInWords } from "../../words/flag-words.ts";
import { warningsOf } from "../../words/warnings.ts";

interface RuleOptions extends JsonOption {
  readonly if?: string;
  readonly rollout?: number;
  readonly variant?: string;
  readonly off?: boolean;
  /** False: --no-bucket-by. */
  readonly bucketBy?: string | false;
  readonly description?: string;
}

interface AddOptions extends RuleOptions, PositionOptions {
  readonly id?: string;
}

const IF_EXAMPLE = `'{"country": "DE"}'`;

export function addRule(program: Command, cli: Cli): void {
  const rule = program
    .command("rule")
    .description("Rules on attributes; the first that matches decides.")
    .addHelpText(
      "after",
      `
A condition is JSON in MongoDB's style: docs/targeting-reference.md lists its operators. The percentage decides for
users whom no rule matches.

Examples:
  sluice rule add ai_search --if '{"country": {"$in": ["DE", "FR"]}}' --rollout 25
  sluice rule add ai_search --id testers --if '{"userId": {"$inGroup": "testers"}}' --rollout 100 --first
  sluice rule list ai_search`,
    );
  addListing(rule, cli);
  addAdding(rule, cli);
  addSetting(rule, cli);
  addRemoving(rule, cli);
  addMoving(rule, cli);
}

function addListing(rule: Command, cli: Cli): void {
  flagCommand(rule, "list", "List a flag's rules, in order.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice rule list ai_search")
    .action(async (key: string, options: JsonOption) => {
      const { answer } = await cli.api().get(key);
      const rules = readRules(answer.flag);
      if (options.json === true) return cli.terminal.printJson({ key, rules });
      if (rules.length === 0) return cli.terminal.print(`${key} has no rules: the percentage decides.`);
      const rows = rules.map((one) => [
        visible(one.id, 64),
        outcomeInWords(one),
        visible(conditionInWords(one.if), 400),
        visible(one.description ?? ""),
      ]);
      cli.terminal.print(formatTable(["RULE", "GETS", "IF", "DESCRIPTION"], rows, cli.terminal));
    });
}

function addAdding(rule: Command, cli: Cli): void {
  ruleOptions(rule.command("add").description("Add a rule after all others."))
    .option("--id <id>", "its name; default: rule-1, rule-2, …", parseName)
    .option("--first", "before all others")
    .option("--before <id>", "before this rule", parseName)
    .option("--after <id>", "after this rule", parseName)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice rule add ai_search --if '{"plan": "enterprise", "country": {"$in": ["DE", "FR"]}}' --rollout 25
  sluice rule add ai_search --id acme --if '{"organization": "acme"}' --variant large --first
  sluice rule add ai_search --if @lawyers.json --off --before acme
  sluice rule add ai_search --if '{"plan": "team"}' --rollout 10 --bucket-by organization`,
    )
    .action(async (key: string, options: AddOptions) => {
      const outcome = outcomeOf(options);
      if (options.if === undefined || outcome === undefined) throw incomplete(options.if === undefined);
      const position = positionOf(options) ?? { at: "last" };
      const condition = await readJsonObject(cli, "--if", options.if, IF_EXAMPLE);
      const { id, bucketBy, description } = options;
      await change(cli, key, options, (flag) =>
        insertRule(flag, {
          id,
          if: condition,
          outcome,
          bucketBy: bucketBy === false ? undefined : bucketBy,
          description,
          position,
        }),
      );
    });
}

function addSetting(rule: Command, cli: Cli): void {
  const set = rule.command("set").description("Change a rule. Everything else stays the same.");
  ruleOptions(set, (command) => command.argument("<id>", "the rule", parseName))
    .option("--no-bucket-by", "use the flag's own attribute for buckets")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice rule set ai_search acme --rollout 50")
    .action(async (key: string, id: string, options: RuleOptions) => {
      const outcome = outcomeOf(options);
      const { if: given, bucketBy, description } = options;
      const wishes: RuleWishes = {
        ...(given !== undefined && { if: await readJsonObject(cli, "--if", given, IF_EXAMPLE) }),
        ...(outcome !== undefined && { outcome }),
        ...(bucketBy !== undefined && { bucketBy: bucketBy === false ? null : bucketBy }),
        ...(description !== undefined && { description }),
      };
      if (Object.keys(wishes).length === 0) {
        throw new CliError(EXIT.usage, "there is nothing to change", {
          fix: [`name a change, for example \`sluice rule set ${key} ${id} --rollout 50\``],
        });
      }
      await change(cli, key, options, (flag) => setRule(flag, id, wishes));
    });
}

function addRemoving(rule: Command, cli: Cli): void {
  flagCommand(rule, "remove", "Remove rules.")
    .argument("<id...>", "the rules", collectNames)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice rule remove ai_search acme")
    .action((key: string, ids: readonly string[], options: JsonOption) =>
      change(cli, key, options, (flag) => removeRules(flag, ids)),
    );
}

function addMoving(rule: Command, cli: Cli): void {
  flagCommand(rule, "move", "Move a rule; the first that matches decides.")
    .argument("<id>", "the rule", parseName)
    .option("--first", "before all others")
    .option("--last", "after all others")
    .option("--before <id>", "before this rule", parseName)
    .option("--after <id>", "after this rule", parseName)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice rule move ai_search acme --first")
    .action(async (key: string, id: string, options: PositionOptions & JsonOption) => {
      const position = positionOf(options);
      if (position === undefined) {
        throw new CliError(EXIT.usage, "the new position is missing", {
          fix: ["add --first, --last, --before <id> or --after <id>"],
        });
      }
      await change(cli, key, options, (flag) => moveRule(flag, id, position));
    });
}

/** The options of `rule add` and `rule set`, in the order of their help. */
function ruleOptions(command: Command, argument: (command: Command) => Command = (same) => same): Command {
  return argument(command.argument("<key>", "the flag", parseFlagKey))
    .option("--if <json>", "the condition: JSON, a file name, or -; {} is everybody")
    .option("--rollout <percent>", "on for this percentage of the matching users", parsePercent)
    .option("--variant <key>", "on with this variant")
    .option("--off", "off")
    .option("--bucket-by <attribute>", "the attribute that assigns buckets")
    .option("--description <text>", 'a description; "" removes it');
}

function outcomeOf({ rollout, variant, off }: RuleOptions): Outcome | undefined {
  const outcomes: readonly (readonly [option: string, outcome: Outcome])[] = [
    ...(rollout === undefined ? [] : [["--rollout", { rollout_pct: rollout }] as const]),
    ...(variant === undefined ? [] : [["--variant", { variant }] as const]),
    ...(off === true ? [["--off", { off: true }] as const] : []),
  ];
  if (outcomes.length <= 1) return outcomes[0]?.[1];
  throw new CliError(EXIT.usage, `${outcomes.map(([option]) => option).join(" and ")} cannot be combined`, {
    why: ["A rule has one result."],
    fix: ["choose one of them"],
  });
}

function incomplete(isWithoutCondition: boolean): CliError {
  return isWithoutCondition
    ? new CliError(EXIT.usage, "the condition of the rule is missing", {
        fix: [`add --if ${IF_EXAMPLE}, or --if '{}' for everybody`],
      })
    : new CliError(EXIT.usage, "the result of the rule is missing", {
        fix: ["add --rollout <percent>, --variant <key> or --off"],
      });
}

function change(cli: Cli, key: string, options: JsonOption, edit: (flag: Flag) => PartChange): Promise<void> {
  return editPart(cli, key, options, {
    edit,
    unchanged: `The rules of ${key} are already like this`,
    changed: `Changed the rules of ${key}:`,
    hints: warningsOf,
  });
}
