import { CliError, EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { itemProblem } from "./items.ts";
import { type NamedText, readText, type TextKind } from "./text/read-text.ts";

const IDS: TextKind = {
  what: "ids",
  typed: "ids, one a line",
  // 10,000 ids of the longest kind fit, which is all that a list takes.
  maxBytes: 16 * 1_048_576,
  tooLarge: {
    why: "A list takes at most 10,000 ids.",
    mend: "reach so many people by a percentage, a plan or a condition",
  },
};

/**
 * Reads ids from a file, or from standard input for `-`: one a line, empty lines left out.
 *
 * @param option the one that names the file, for messages
 */
export async function readIdsFile(cli: Cli, option: string, file: string): Promise<readonly string[]> {
  const lines = parseIdLines(await readText(cli, option, file, IDS), option);
  return [...new Set(lines.map(({ id }) => id))];
}

/** An id, and the line that it stands on, from 1. */
export interface IdLine {
  readonly line: number;
  readonly id: string;
}

/**
 * Reads a text of one id a line, empty lines left out.
 *
 * @param option the one that names the text, for messages
 */
export function parseIdLines({ text, name }: NamedText, option: string): readonly IdLine[] {
  const ids: IdLine[] = [];
  for (const [index, id] of text.split(/\r?\n/).entries()) {
    if (id === "") continue;
    const problem = itemProblem(id);
    if (problem !== undefined) {
      throw new CliError(EXIT.usage, `${option}: line ${index + 1} of ${name} cannot be an id`, {
        why: [problem.replace("One of its items", "It"), "Ids are used byte for byte."],
        mend: ["put one id on each line, and nothing else"],
      });
    }
    ids.push({ line: index + 1, id });
  }
  return ids;
}
