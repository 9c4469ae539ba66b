import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-code.ts";
import { itemProblem } from "./items.ts";
import type { NamedText } from "./text/read-text.ts";

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
