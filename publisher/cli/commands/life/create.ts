import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { parseFlagKey } from "../../input/flag-key.ts";
import { collectItems } from "../../input/items.ts";
import { reportChange } from "../../edit/report-change.ts";

interface Options {
  readonly description?: string;
  readonly owner?: string;
  readonly tag?: readonly string[];
  readonly allow?: readonly string[];
  readonly plan?: readonly string[];
  readonly employeesOnly?: boolean;
  readonly json?: boolean;
}

export function addCreate(program: Command, cli: Cli): void {
  program
    .command("create")
    .description("Create a flag: off, and at 0 %.")
    .argument("<key>", "a-z, 0-9, _ and -; it can never change, because it assigns the buckets", parseFlagKey)
    .option("--description <text>", "what the flag is for")
    .option("--owner <owner>", "the responsible team or person")
    .option("--tag <tag>", "a tag; may be repeated or separated by commas", collectItems)
    .option("--allow <id>", "user ids that always get the flag, at any percentage", collectItems)
    .option("--plan <plan>", "only users on one of these plans", collectItems)
    .option("--employees-only", "all employees and nobody else")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      '\nExample:\n  sluice create ai_search --description "AI answers" --owner search-team --employees-only',
    )
    .action(async (key: string, options: Options) => {
      const api = cli.api();
      const { description, owner, tag: tags } = options;
      const answer = await api.create({
        key,
        ...(description !== undefined && { description }),
        ...(owner !== undefined && { owner }),
        ...(tags !== undefined && { tags }),
        ...targetingOf(options),
      });
      await reportChange(cli, api, options, answer, {
        lines: [`Created ${key}: off, and at 0 %.`],
        hints:
          options.employeesOnly === true
            ? [`Next: \`sluice enable ${key}\` turns it on for employees.`]
            : [
                `Next: \`sluice target ${key} --employees-only\` limits it to employees, \`sluice enable ${key}\` turns it on.`,
              ],
      });
    });
}

function targetingOf({ allow, plan, employeesOnly }: Options): { targeting?: object } {
  if (allow === undefined && plan === undefined && employeesOnly === undefined) return {};
  return {
    targeting: {
      ...(allow !== undefined && { allowlist: allow }),
      ...(plan !== undefined && { plans: plan }),
      ...(employeesOnly === true && { employees_only: true }),
    },
  };
}
