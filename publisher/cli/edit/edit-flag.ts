import type { Flag, FlagAnswer } from "../api/answers.ts";
import type { ApiClient } from "../api/client.ts";
import { makeAnew } from "./make-anew.ts";

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
  return makeAnew(async () => {
    const { answer, etag } = await api.get(key);
    const patch = edit(answer.flag);
    return patch === undefined ? answer : api.patch(key, patch, etag);
  });
}
