import type { Cli } from "../cli.ts";
import { parseIdLines } from "./id-lines.ts";
import { readText, type TextKind } from "./text/read-text.ts";

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
