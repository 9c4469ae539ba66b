import type { Change } from "./answers.ts";
import { visible } from "../terminal/visible.ts";

/** Who did what to a flag meanwhile, a line each. */
export function describeChanges(changes: readonly Change[]): string[] {
  return changes.map(({ revision, at, actor, action, changed }) => {
    const members = changed.map((name) => visible(name, 64)).join(", ");
    const deed = action === "update" && members !== "" ? `changed ${members}` : `${visible(action, 20)}d it`;
    return `revision ${revision}: ${visible(actor, 80)} ${deed} at ${visible(at, 40)}`;
  });
}
