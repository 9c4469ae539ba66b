import { compareVersions, type Version } from "../shared/revision.ts";
import type { Queryable } from "./postgres.ts";
import { Problem } from "./problem.ts";
import { readFlagChangesSince } from "./store.ts";

/** What a request's If-Match demands: nothing, any current state, or one of these. */
export type Precondition = "none" | "any" | readonly Version[];

const ENTITY_TAG = /^"(\d{1,15})\.(\d{1,15})"$/;

/** A flag's entity tag: the version that changed it last. Strong, since every change has a version of its own. */
export function toEntityTag({ epoch, revision }: Version): string {
  return `"${epoch}.${revision}"`;
}

/** Reads If-Match (RFC 9110, section 13.1.1). */
export function parseIfMatch(header: string | undefined): Precondition {
  if (header === undefined) return "none";
  if (header.trim() === "*") return "any";
  return header.split(",").map((tag) => {
    const [, epoch, revision] = ENTITY_TAG.exec(tag.trim()) ?? [];
    if (epoch === undefined || revision === undefined) {
      throw new Problem("malformed-request", "If-Match is not an entity tag of this API", {
        errors: [
          { pointer: "If-Match", detail: 'send the ETag of an earlier answer, quotes included, or "*"' },
        ],
      });
    }
    return { epoch: Number(epoch), revision: Number(revision) };
  });
}

/**
 * Refuses a write that its sender has not based on the flag as it is now.
 *
 * @param current the flag's version, under lock
 * @param required what the write would do, when it must not happen unseen; undefined when it may
 * @throws Problem 428 without If-Match where it is required, 412 with what changed meanwhile
 */
export async function checkPrecondition(
  db: Queryable,
  key: string,
  current: Version,
  precondition: Precondition,
  required: string | undefined,
): Promise<void> {
  if (precondition === "any") return;
  if (precondition === "none") {
    if (required === undefined) return;
    throw new Problem(
      "precondition-required",
      `${required}: send If-Match with the ETag of the flag as you saw it (now ${toEntityTag(current)})`,
    );
  }
  if (precondition.some((version) => compareVersions(version, current) === 0)) return;

  const seen = precondition.reduce((a, b) => (compareVersions(a, b) > 0 ? a : b));
  const changes = await readFlagChangesSince(db, key, seen);
  throw new Problem(
    "precondition-failed",
    `flag ${key} is at ${toEntityTag(current)} now: look at it and send again`,
    {
      extensions: { etag: toEntityTag(current), changes },
    },
  );
}
