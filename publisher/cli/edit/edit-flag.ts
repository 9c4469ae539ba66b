import { setTimeout as sleep } from "node:timers/promises";
import type { Flag, FlagAnswer } from "../api/answers.ts";
import { isRefusal } from "../api/api-problem.ts";
import type { ApiClient } from "../api/client.ts";

/** How often an edit is made anew because somebody else's came first. */
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 150;

/**
 * Edits a flag without undoing what others do at the same time: based on the flag as it is now, and made anew when it
 * has changed meanwhile. Only for edits that mean the same whatever else has changed.
 *
 * @param edit gives the merge patch, undefined when nothing is to change
 * @returns the flag as it is now
 * @throws ApiProblem 412 when others were always faster
 */
export async function editFlag(
  api: ApiClient,
  key: string,
  edit: (flag: Flag) => Readonly<Record<string, unknown>> | undefined,
): Promise<FlagAnswer> {
  for (let attempt = 1; ; attempt++) {
    const { answer, etag } = await api.get(key);
    const patch = edit(answer.flag);
    if (patch === undefined) return answer;
    try {
      return await api.patch(key, patch, etag);
    } catch (error) {
      if (!isRefusal(error, 412) || attempt === MAX_ATTEMPTS) throw error;
      // At random, so that two who collide do not collide again.
      await sleep(Math.random() * MAX_PAUSE_MS * attempt);
    }
  }
}
