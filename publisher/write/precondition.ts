import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { Problem } from "../problem/problem.ts";
import { readChangesSince, readVersion, type Subject } from "../postgres/change-history.ts";

/** One entity tag of a request. */
interface EntityTag {
  /** Weak tags match nothing where a write depends on it (RFC 9110, section 8.8.3.2). */
  readonly weak: boolean;
  /** Quotes included; compared character by character. */
  readonly opaque: string;
}

/** What If-Match or If-None-Match says: nothing, any state, or these. */
export type Precondition = "none" | "any" | readonly EntityTag[];

const ENTITY_TAG_IN_LIST = /[ \t,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/gy;
const OWN_TAG = /^"(\d{1,15})\.(\d{1,15})"$/;

/** The entity tag of a flag or a segment: the version that changed it last. Strong, since every change has a version of its own. */
export function toEntityTag({ epoch, revision }: Version): string {
  return `"${epoch}.${revision}"`;
}

/** Reads If-Match or If-None-Match (RFC 9110, sections 13.1.1 and 13.1.2). */
export function parsePrecondition(
  name: "If-Match" | "If-None-Match",
  header: string | undefined,
): Precondition {
  if (header === undefined) return "none";
  if (header.trim() === "*") return "any";
  const tags: EntityTag[] = [];
  let end = 0;
  for (const match of header.matchAll(ENTITY_TAG_IN_LIST)) {
    const [whole, weak, opaque = ""] = match;
    tags.push({ weak: weak !== undefined, opaque });
    end = match.index + whole.length;
  }
  if (tags.length === 0 || /[^ \t,]/.test(header.slice(end))) {
    throw new Problem("malformed-request", `${name} is not a list of entity tags`, {
      errors: [{ pointer: name, detail: 'send the ETag of an earlier answer, quotes included, or "*"' }],
    });
  }
  return tags;
}

/** Whether a reader who sent this If-None-Match holds it as it is now. */
export function isNotModified(current: Version, ifNoneMatch: Precondition): boolean {
  if (ifNoneMatch === "none") return false;
  return ifNoneMatch === "any" || ifNoneMatch.some(({ opaque }) => opaque === toEntityTag(current));
}

/**
 * Refuses a write that its sender has not based on what is there now.
 *
 * @param required what the write would do, when it must not happen unseen; undefined when it may
 * @param current its version, when it is known; read otherwise, which takes a lock on its row to be worth anything
 * @throws Problem 428 without If-Match where it is required, 412 with what changed meanwhile
 */
export async function checkPrecondition(
  db: Queryable,
  subject: Subject,
  precondition: Precondition,
  required: string | undefined,
  current?: Version,
): Promise<void> {
  if (precondition === "any" || (precondition === "none" && required === undefined)) return;
  const etag = toEntityTag(current ?? (await readVersion(db, subject)).version);
  if (precondition === "none") {
    throw new Problem(
      "precondition-required",
      `${required}: send If-Match with the ETag of the ${subject.entity} as you saw it (now ${etag})`,
    );
  }
  if (precondition.some(({ weak, opaque }) => !weak && opaque === etag)) return;

  const seen = newestOf(precondition);
  const changes = seen === undefined ? [] : await readChangesSince(db, subject, seen);
  throw new Problem(
    "precondition-failed",
    `${subject.entity} ${subject.name} is at ${etag} now: look at it and send again`,
    {
      extensions: { etag, changes },
      headers: { etag },
    },
  );
}

/** The newest state that the sender names, if any of the tags is one of ours. */
function newestOf(tags: readonly EntityTag[]): Version | undefined {
  const versions = tags.flatMap(({ opaque }) => {
    const [, epoch, revision] = OWN_TAG.exec(opaque) ?? [];
    return epoch === undefined ? [] : [{ epoch: Number(epoch), revision: Number(revision) }];
  });
  return versions.toSorted(compareVersions).at(-1);
}
