import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import { actionInWords, type Gate, gates as gatesShape } from "../words/flag-words.ts";

/** What `sluice gate` is to do. */
export interface GatesEdit {
  /** Takes the place of a gate with the same pattern. */
  readonly add: Gate | undefined;
  /** Patterns, as they stand there. */
  readonly remove: readonly string[];
}

/** The gates to send; undefined when nothing is to change. */
export interface GatesChange {
  readonly gates: readonly Gate[] | undefined;
  readonly lines: readonly string[];
}

/**
 * Applies an edit to a flag's gates as they are now.
 *
 * @throws CliError when there is no such gate, or what is there cannot be edited
 */
export function editGates(key: string, current: unknown, { add, remove }: GatesEdit): GatesChange {
  const before = readGates(key, current);
  const missing = remove.find((pattern) => !before.some((gate) => gate.pattern === pattern));
  if (missing !== undefined) {
    const patterns = before.map(({ pattern }) => visible(pattern)).join(", ");
    throw new CliError(EXIT.notFound, `${key} has no gate for ${visible(missing, 100)}`, {
      why: [patterns === "" ? "It has no gates at all." : `Its gates are for ${patterns}.`],
      mend: [`\`sluice gate ${key} --list\` shows them; quote a pattern, or the shell expands it`],
    });
  }
  const rest = before.filter(({ pattern }) => !remove.includes(pattern));
  const after = add === undefined ? rest : put(rest, add);
  const isSame = JSON.stringify(before) === JSON.stringify(after);
  return {
    gates: isSame ? undefined : after,
    lines: [
      ...remove.map((pattern) => `no gate for ${visible(pattern)} any more: its pages are open to everybody`),
      ...(add === undefined || isSame
        ? []
        : [`gate for ${visible(add.pattern)}: ${actionInWords(add.otherwise)} for whoever is not in`]),
    ],
  };
}

export function readGates(key: string, current: unknown): readonly Gate[] {
  const parsed = gatesShape.safeParse(current);
  if (parsed.success) return parsed.data;
  throw new CliError(EXIT.conflict, `the gates of ${key} are not valid as they are`, {
    why: ["Plain SQL, or a newer publisher, put something in that this command does not know."],
    mend: ["mend them where they came from"],
  });
}

function put(gates: readonly Gate[], gate: Gate): readonly Gate[] {
  const index = gates.findIndex(({ pattern }) => pattern === gate.pattern);
  return index === -1 ? [...gates, gate] : gates.with(index, gate);
}
