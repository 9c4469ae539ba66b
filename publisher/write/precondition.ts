import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { Problem } from "../problem/problem.ts";
import { readChangesSince, readVersion, type Subject } from "../postgres/change-history.ts";

/** One entity tag of a request. */
interface EntityTag {
  /** Weak tags match nothing where a write depends on it (RFC 9110, section 8.8.3.2). */
  readonly weak: boolean;
  /** With its quotes. */
  readonly opaque: string;
}

/** The meaning of If-Match or If-None-Match: absent, `*`, or these tags. */
export type Precondition = "none" | "any" | readonly EntityTag[];

const ENTITY_TAG_IN_LIST = /[ \t,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/gy;
const OWN_TAG = /^"(\d{1,15})\.(\d{1,15})"$/;

/** The entity tag of a flag or segment: the version of its last change. Strong, because every change has its own version. */
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

/** Whether the sender of this If-None-Match has the current version. */
export function isNotModified(current: Version, ifNoneMatch: Precondition): boolean {
  if (ifNoneMatch === "none") return false;
  return ifNoneMatch === "any" || ifNoneMatch.some(({ opaque }) => opaque === toEntityTag(current));
}

/**
 * Refuses a write that is not based on the current version.
 *
 * @param required why If-Match is required; undefined if it is not
 * @param current the version, if known; otherwise it is read, and the row must be locked by this transaction
 * @throws Problem 428 if a required If-Match is missing, 412 with the changes since the version in If-Match
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
      `${required}: send If-Match with the ETag of the ${subject.entity} that you read (now ${etag})`,
    );
  }
  if (precondition.some(({ weak, opaque }) => !weak && opaque === etag)) return;

  const seen = newestOf(precondition);
  const changes = seen === undefined ? [] : await readChangesSince(db, subject, seen);
  throw new Problem(
    "precondition-failed",
    `${subject.entity} ${subject.name} has changed, its ETag is now ${etag}: read it and send the change again`,
    {
      extensions: { etag, changes },
      headers: { etag },
    },
  );
}

/** The newest version among the tags; undefined if no tag is one of ours. */
function newestOf(tags: readonly EntityTag[]): Version | undefined {
  const versions = tags.flatMap(({ opaque }) => {
    const [, epoch, revision] = OWN_TAG.exec(opaque) ?? [];
    return epoch === undefined ? [] : [{ epoch: Number(epoch), revision: Number(revision) }];
  });
  return versions.toSorted(compareVersions).at(-1);
}
