import { setTimeout as sleep } from "node:timers/promises";
import type { Flag, FlagAnswer } from "../api/answers.ts";
import { isRefusal } from "../api/api-problem.ts";
import type { ApiClient } from "../api/client.ts";
import type { Cli } from "../cli.ts";
import { type JsonOption, reportChange } from "./report-change.ts";

/**
 * Edits a flag without undoing what others do at the same time: based on the flag as it is now, and made anew when it
 * has changed meanwhile. Only for edits that mean the same whatever else has changed.
 *
 * @param edit gives the merge patch, undefined when nothing is to change
 * @returns the flag as it is now
 * @throws ApiProblem 412 when others were always faster
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

/** How often an edit is made anew because somebody else's came first. */
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 150;

/**
 * Makes an edit, and makes it anew when somebody else's came first.
 *
 * @param attempt looks at what is there now, and edits that
 * @throws ApiProblem 412 when others were always faster
 */
export async function retryOnConflict<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRefusal(error, 412) || count === MAX_ATTEMPTS) throw error;
      // At random, so that two who collide do not collide again.
      await sleep(Math.random() * MAX_PAUSE_MS * count);
    }
  }
}
