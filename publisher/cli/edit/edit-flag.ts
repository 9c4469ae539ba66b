import { setTimeout as sleep } from "node:timers/promises";
import type { Flag, FlagAnswer } from "../api/answers.ts";
import { isRefusal } from "../api/api-problem.ts";
import type { ApiClient } from "../api/client.ts";
import type { Cli } from "../cli.ts";
import { type JsonOption, reportChange } from "./report-change.ts";

/**
 * Edits a flag without undoing the changes of others: reads the flag, applies the edit, and repeats both on a conflict.
 * Only for edits that stay correct after any other change.
 *
 * @param edit returns the merge patch; undefined when nothing changes
 * @returns the current flag
 * @throws ApiProblem 412 after too many conflicts
 */
export function editFlag(
  api: ApiClient,
  key: string,
  edit: (flag: Flag) => Readonly<Record<string, unknown>> | undefined,
): Promise<FlagAnswer> {
  return retryOnConflict(async () => {
    const { answer, etag } = await api.get(key);
    const patch = edit(answer.flag);
    return patch === undefined ? answer : api.patch(key, patch, etag);
  });
}

/** A change of one part of a flag, such as its rules. */
export interface PartChange {
  /** The JSON merge patch. */
  readonly patch: Readonly<Record<string, unknown>>;
  /** The changes in words; empty when nothing changes. */
  readonly lines: readonly string[];
}

/** How to edit a part of a flag, and what to print. */
interface PartEdit {
  readonly edit: (flag: Flag) => PartChange;
  /** The text for no change, and the texts above and below the changes. */
  readonly unchanged: string;
  readonly changed: string;
  readonly below?: (flag: Flag) => string;
  /** What to do next. */
  readonly hints?: (flag: Flag, isChanged: boolean) => readonly string[] | Promise<readonly string[]>;
}

/** Edits a part of a flag (see `editFlag`) and prints the result. */
export async function editPart(
  cli: Cli,
  key: string,
  options: JsonOption,
  { edit, unchanged, changed, below, hints }: PartEdit,
): Promise<void> {
  const api = cli.api();
  let lines: readonly string[] = [];
  const answer = await editFlag(api, key, (flag) => {
    const change = edit(flag);
    ({ lines } = change);
    return lines.length === 0 ? undefined : change.patch;
  });
  // Of a command that sends much.
  cli.terminal.progress("");
  const isChanged = lines.length > 0;
  await reportChange(cli, api, options, answer, {
    lines: isChanged
      ? [changed, ...lines.map((line) => `  ${line}`), ...(below === undefined ? [] : [below(answer.flag)])]
      : [`${unchanged}: nothing was changed.`],
    hints: (await hints?.(answer.flag, isChanged)) ?? [],
  });
}

/** How often an edit is tried when others change the flag at the same time. */
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 150;

/**
 * Runs an edit, and repeats it on a conflict.
 *
 * @param attempt reads the current state and sends the edit
 * @throws ApiProblem 412 after too many conflicts
 */
export async function retryOnConflict<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRefusal(error, 412) || count === MAX_ATTEMPTS) throw error;
      // Random, so that two clients do not collide again.
      await sleep(Math.random() * MAX_PAUSE_MS * count);
    }
  }
}
