import type { Change, FlagAnswer } from "../api/answers.ts";
import { isRefusal } from "../api/api-problem.ts";
import type { Tagged } from "../api/request.ts";

/** Members that do not affect who gets the flag. */
const HARMLESS = new Set(["description", "owner", "tags"]);

/** The API lists at most this many changes; there may be more. */
const TOLD_CHANGES = 20;

const MAX_ATTEMPTS = 3;

/**
 * Extends a flag to more users. Fails when somebody changed the flag since `seen`, unless only its description, owner or
 * tags changed.
 *
 * @throws ApiProblem 412 with the changes since `seen`
 */
export async function widenFlag(
  seen: Tagged<FlagAnswer>,
  send: (etag: string) => Promise<FlagAnswer>,
): Promise<FlagAnswer> {
  let { etag } = seen;
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(etag);
    } catch (error) {
      if (!isRefusal(error, 412) || attempt === MAX_ATTEMPTS || !areWords(error.problem.changes ?? []))
        throw error;
      // The version of the listed changes: a later version may contain others.
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
