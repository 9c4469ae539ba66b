import type { Change, FlagAnswer } from "../api/answers.ts";
import { isRefusal } from "../api/api-problem.ts";
import type { TaggedFlag } from "../api/client.ts";

/** Members that say nothing about who sees the feature. */
const HARMLESS = new Set(["description", "owner", "tags"]);

/** As many changes as the API tells at most: there may be more. */
const TOLD_CHANGES = 20;

const MAX_ATTEMPTS = 3;

/**
 * Makes a change of how far a flag spreads. When the flag has changed since `seen`, that is a conflict for people to
 * look at, unless only words were changed.
 *
 * @throws ApiProblem 412 with what changed meanwhile
 */
export async function widenFlag(
  seen: TaggedFlag,
  send: (etag: string) => Promise<FlagAnswer>,
): Promise<FlagAnswer> {
  let { etag } = seen;
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(etag);
    } catch (error) {
      if (!isRefusal(error, 412) || attempt === MAX_ATTEMPTS || !areWords(error.problem.changes)) throw error;
      // The version up to which the changes were told: a later one may hold more than words.
      etag = error.problem.etag ?? etag;
    }
  }
}

function areWords(changes: readonly Change[]): boolean {
  return (
    changes.length > 0 &&
    changes.length < TOLD_CHANGES &&
    changes.every(({ action, changed }) => action === "update" && changed.every((name) => HARMLESS.has(name)))
  );
}
