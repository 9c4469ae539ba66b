import type { Flag } from "../api/answers.ts";
import type { Cli } from "../cli.ts";
import { reportChange, type JsonOption } from "./report-change.ts";
import { editFlag } from "./edit-flag.ts";

/** What an edit of a part comes to. */
interface PartChange {
  /** What to say of it; none: nothing is to change. */
  readonly lines: readonly string[];
}

/** An edit of one part of a flag, such as its rules. */
export interface PartEdit<Change extends PartChange> {
  readonly edit: (flag: Flag) => Change;
  /** The merge patch that makes it. */
  readonly toPatch: (change: Change) => Readonly<Record<string, unknown>>;
  /** What is said when there was nothing to change, and above and below what was. */
  readonly unchanged: string;
  readonly changed: string;
  readonly below?: (flag: Flag) => string;
  /** What to do next. */
  readonly hints?: (flag: Flag, isChanged: boolean) => readonly string[];
}

/** Edits a part of a flag (see `editFlag`), and says what came of it. */
export async function editPart<Change extends PartChange>(
  cli: Cli,
  key: string,
  options: JsonOption,
  { edit, toPatch, unchanged, changed, below, hints }: PartEdit<Change>,
): Promise<void> {
  const api = cli.api();
  let lines: readonly string[] = [];
  const answer = await editFlag(api, key, (flag) => {
    const change = edit(flag);
    ({ lines } = change);
    return lines.length === 0 ? undefined : toPatch(change);
  });
  const isChanged = lines.length > 0;
  await reportChange(cli, api, options, answer, {
    lines: isChanged
      ? [changed, ...lines.map((line) => `  ${line}`), ...(below === undefined ? [] : [below(answer.flag)])]
      : [`${unchanged}: nothing was changed.`],
    hints: hints?.(answer.flag, isChanged) ?? [],
  });
}
