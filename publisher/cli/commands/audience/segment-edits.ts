import type { Command } from "commander";
import { jsonEquals } from "../../../../shared/condition/json-equals.ts";
import type { Segment } from "../../api/answers.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { retryOnConflict } from "../../edit/edit-flag.ts";
import { type JsonOption, reportChange } from "../../edit/report-change.ts";
import { ask } from "../../input/ask.ts";
import { parseName } from "../../input/flag-key.ts";
import { readIdsFile } from "../../input/ids-file.ts";
import { collectItems } from "../../input/items.ts";
import { readJsonObject } from "../../input/text/json-text.ts";
import { counted, idsInWords } from "../../words/amounts.ts";
import { contentInWords, usersInWords } from "../../words/segment-words.ts";

interface Content {
  readonly description?: string;
  readonly id?: readonly string[];
  readonly idFile?: string;
  /** False: --no-if. */
  readonly if?: string | false;
}

const IF_EXAMPLE = `'{"email": {"$endsWith": "@example.com"}}'`;

/** The subcommands of `segment` that change something. */
export function addSegmentEdits(segment: Command, cli: Cli): void {
  addCreating(segment, cli);
  addSetting(segment, cli);
  addIdCommand(segment, cli, "add");
  addIdCommand(segment, cli, "remove");
  addDeleting(segment, cli);
}

function addCreating(segment: Command, cli: Cli): void {
  contentOptions(segment.command("create").description("Create a segment."))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice segment create testers --id u1,u2
  sluice segment create beta --id-file beta-customers.txt --description "Signed up for the beta"
  sluice segment create staff --if '{"email": {"$endsWith": "@example.com"}}'`,
    )
    .action(async (name: string, options: Content & JsonOption) => {
      const content = await readContent(cli, options);
      const api = cli.api();
      const answer = await api.segments.create({ name, ...content });
      await reportChange(cli, api, options, answer, {
        lines: [`Created the segment ${name}: ${contentInWords(answer.segment)}.`],
        hints: [`Next: \`sluice rule add <key> --if '{"userId": {"$inGroup": "${name}"}}' --rollout 100\`.`],
      });
    });
}

function addSetting(segment: Command, cli: Cli): void {
  contentOptions(
    segment
      .command("set")
      .description(
        "Change a segment's condition or description, or replace its ids. Everything else stays the same.",
      ),
  )
    .option("--no-if", "remove the condition")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice segment set testers --if '{"email": {"$endsWith": "@example.com"}}'
  sluice segment set beta --id-file beta-customers.txt`,
    )
    .action(async (name: string, options: Content & JsonOption) => {
      const content = await readContent(cli, options);
      if (Object.keys(content).length === 0) {
        throw new CliError(EXIT.usage, "there is nothing to change", {
          fix: ["name --description, --if, --no-if, --id or --id-file"],
        });
      }
      const api = cli.api();
      let isChange = false;
      const answer = await retryOnConflict(async () => {
        const { answer: seen, etag } = await api.segments.get(name);
        isChange = isOther(seen.segment, content);
        return isChange ? api.segments.patch(name, content, etag) : seen;
      });
      await reportChange(cli, api, options, answer, {
        lines: [
          isChange
            ? `The segment ${name} is now: ${contentInWords(answer.segment)}.`
            : `The segment ${name} is already like this: nothing was changed.`,
        ],
        hints: isChange ? usersInWords(answer.segment) : [],
      });
    });
}

function addIdCommand(segment: Command, cli: Cli, verb: "add" | "remove"): void {
  const isAdding = verb === "add";
  segment
    .command(verb)
    .description(isAdding ? "Add ids to a segment." : "Remove ids from a segment.")
    .argument("<name>", "the segment", parseName)
    .argument("[id...]", "ids; several may be separated by commas", collectItems)
    .option("--id-file <file>", "the ids in a file, one per line; - is standard input")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nExamples:\n  sluice segment ${verb} testers u3 u4\n  sluice segment ${verb} testers --id-file more.txt`,
    )
    .action(async (name: string, given: readonly string[] | undefined, options: Content & JsonOption) => {
      const ids = await readIds(cli, given, options.idFile);
      if (ids.length === 0) {
        throw new CliError(EXIT.usage, "no id is given", {
          fix: [`name ids, for example \`sluice segment ${verb} ${name} u1 u2\`, or a file with --id-file`],
        });
      }
      const api = cli.api();
      const seen = (await api.segments.get(name)).answer;
      const listed = new Set(seen.segment.ids);
      const isChange = ids.some((id) => listed.has(id) !== isAdding);
      const words = `${idsInWords(ids, 5)} ${ids.length === 1 ? "is" : "are"} ${isAdding ? "in" : "not listed in"} the segment ${name}`;
      if (!isChange) {
        const why = `${words}${isAdding ? " already" : ""}: nothing was changed.`;
        return reportChange(cli, api, options, seen, { lines: [why] });
      }
      const answer = await api.segments.editIds(name, { [verb]: ids });
      await reportChange(cli, api, options, answer, {
        lines: [`${words}, which now has ${counted(answer.segment.ids.length, "id")}.`],
        hints: usersInWords(answer.segment),
      });
    });
}

function addDeleting(segment: Command, cli: Cli): void {
  segment
    .command("delete")
    .description("Delete a segment that no rule uses.")
    .argument("<name>", "the segment", parseName)
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice segment delete testers")
    .action(async (name: string, options: { readonly yes?: boolean } & JsonOption) => {
      if (options.yes !== true && cli.stdin.isTTY !== true) {
        throw new CliError(EXIT.usage, `deleting ${name} needs --yes here`, {
          why: ["There is no terminal for the question."],
          fix: [`sluice segment delete ${name} --yes`],
        });
      }
      const api = cli.api();
      const { answer, etag } = await api.segments.get(name);
      if (options.yes !== true) {
        const question = `Delete the segment ${name} (${contentInWords(answer.segment)})? [y/N] `;
        if (!(await ask(cli, question))) {
          throw new CliError(EXIT.failure, `${name} was not deleted`, { fix: ["answer y to delete it"] });
        }
      }
      // With the ETag: a segment that changed since the question is not deleted.
      const deletion = await api.segments.remove(name, etag);
      await reportChange(cli, api, options, deletion, { lines: [`The segment ${name} is deleted.`] });
    });
}

/** The options of `segment create` and `segment set`. */
function contentOptions(command: Command): Command {
  return command
    .argument("<name>", "a-z, 0-9, _ and -", parseName)
    .option("--id <id>", "the ids; may be repeated or separated by commas", collectItems)
    .option("--id-file <file>", "the ids in a file, one per line; - is standard input")
    .option("--if <json>", "a condition that adds more users: JSON, a file name, or -")
    .option("--description <text>", "a description");
}

async function readContent(cli: Cli, options: Content): Promise<Readonly<Record<string, unknown>>> {
  const { description, id, idFile, if: given } = options;
  const ids = await readIds(cli, id, idFile);
  return {
    ...(description !== undefined && { description }),
    ...((id !== undefined || idFile !== undefined) && { ids }),
    ...(given !== undefined && {
      condition: given === false ? null : await readJsonObject(cli, "--if", given, IF_EXAMPLE),
    }),
  };
}

async function readIds(
  cli: Cli,
  given: readonly string[] = [],
  file: string | undefined,
): Promise<readonly string[]> {
  const fromFile = file === undefined ? [] : await readIdsFile(cli, "--id-file", file);
  return [...new Set([...given, ...fromFile])];
}

/** The order of ids does not matter. */
function isOther(segment: Segment, wished: Readonly<Record<string, unknown>>): boolean {
  const current: Readonly<Record<string, unknown>> = { ...segment };
  return Object.entries(wished).some(([member, value]) => {
    if (member !== "ids" || !Array.isArray(value)) return !jsonEquals(current[member], value);
    const listed = new Set<unknown>(segment.ids);
    return value.length !== listed.size || !value.every((id) => listed.has(id));
  });
}
