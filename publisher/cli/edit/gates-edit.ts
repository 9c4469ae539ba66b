import type { Flag } from "../api/answers.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { actionInWords, type Gate, gates as gatesShape } from "../words/flag-words.ts";
import type { PartChange } from "./edit-flag.ts";
import { readPart } from "./read-part.ts";

/** The edit of one `sluice gate` command. */
export interface GatesEdit {
  /** Replaces a gate with the same pattern. */
  readonly add: Gate | undefined;
  /** Exact patterns. */
  readonly remove: readonly string[];
}

/**
 * Applies an edit to a flag's gates as they are now.
 *
 * @throws CliError when a gate does not exist, or the gates are not valid
 */
export function editGates(flag: Flag, { add, remove }: GatesEdit): PartChange {
  const { key } = flag;
  const before = readGates(flag);
  const missing = remove.find((pattern) => !before.some((gate) => gate.pattern === pattern));
  if (missing !== undefined) {
    const patterns = before.map(({ pattern }) => visible(pattern)).join(", ");
    throw new CliError(EXIT.notFound, `${key} has no gate for ${visible(missing, 100)}`, {
      why: [patterns === "" ? "The flag has no gates." : `The flag has gates for ${patterns}.`],
      fix: [`\`sluice gate ${key} --list\` shows them; quote a pattern, or the shell expands it`],
    });
  }
  const rest = before.filter(({ pattern }) => !remove.includes(pattern));
  const after = add === undefined ? rest : put(rest, add);
  const isSame = JSON.stringify(before) === JSON.stringify(after);
  return {
    patch: { gates: after },
    lines: [
      ...remove.map((pattern) => `removed the gate for ${visible(pattern)}: its pages are open to everybody`),
      ...(add === undefined || isSame
        ? []
        : [`gate for ${visible(add.pattern)}: ${actionInWords(add.otherwise)} to visitors without the flag`]),
    ],
  };
}

export function readGates({ key, gates }: Flag): readonly Gate[] {
  return readPart(gatesShape, gates, `the gates of ${key} are not valid`);
}

function put(gates: readonly Gate[], gate: Gate): readonly Gate[] {
  const index = gates.findIndex(({ pattern }) => pattern === gate.pattern);
  return index === -1 ? [...gates, gate] : gates.with(index, gate);
}
