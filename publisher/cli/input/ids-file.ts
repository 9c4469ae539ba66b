import { CliError, EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { itemProblem } from "./items.ts";
import { type NamedText, readText, type TextKind } from "./text/read-text.ts";

const IDS: TextKind = {
  what: "ids",
  typed: "ids, one per line",
  // Enough for 10,000 ids of the maximum length.
  maxBytes: 16 * 1_048_576,
  tooLarge: {
    why: "A list contains at most 10,000 ids.",
    fix: "use a percentage, a plan or a condition instead",
  },
};

/**
 * Reads ids from a file, or from standard input for `-`: one per line, without empty lines.
 *
 * @param option the name of the option, for error texts
 */
export async function readIdsFile(cli: Cli, option: string, file: string): Promise<readonly string[]> {
  const lines = parseIdLines(await readText(cli, option, file, IDS), option);
  return [...new Set(lines.map(({ id }) => id))];
}

/** An id and its line, from 1. */
export interface IdLine {
  readonly line: number;
  readonly id: string;
}

/**
 * Reads one id per line, without empty lines.
 *
 * @param option the name of the option, for error texts
 */
export function parseIdLines({ text, name }: NamedText, option: string): readonly IdLine[] {
  const ids: IdLine[] = [];
  for (const [index, id] of text.split(/\r?\n/).entries()) {
    if (id === "") continue;
    const problem = itemProblem(id);
    if (problem !== undefined) {
      throw new CliError(EXIT.usage, `${option}: line ${index + 1} of ${name} is not an id`, {
        why: [problem.replace("An item", "The line"), "Ids are compared byte by byte."],
        fix: ["write one id per line, and nothing else"],
      });
    }
    ids.push({ line: index + 1, id });
  }
  return ids;
}
