import { setTimeout as sleep } from "node:timers/promises";
import { isRefusal } from "../api/api-problem.ts";

/** How often an edit is made anew because somebody else's came first. */
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 150;

/**
 * Makes an edit, and makes it anew when somebody else's came first.
 *
 * @param attempt looks at what is there now, and edits that
 * @throws ApiProblem 412 when others were always faster
 */
export async function makeAnew<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
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
