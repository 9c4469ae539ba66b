import { encodeBase64Url } from "../isolate/bytes.ts";

/**
 * A page may change with the decision while its `ETag` does not: many origins make the tag from a file or a build. So a
 * browser gets the origin's tag with a mark of the decision. A copy that was made for another decision is never
 * confirmed by a 304 or completed by a part.
 */
export interface Validators {
  /** Removes the marks from a request, and the conditions that are about a copy of another decision. */
  unmark(headers: Headers): Promise<void>;
  /** Marks the tag of an answer that is still to be sent. */
  mark(headers: Headers): Promise<void>;
}

const MARK = ";sluice=";

/** In characters of base64url: 66 bits. */
const MARK_LENGTH = 11;

/** Entity tags (RFC 9110, 8.8.3), each as a group up to its last quote. */
const TAGS = /((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*)"/g;
const TAG = new RegExp(`^${TAGS.source}$`);
const MARKED = new RegExp(`${MARK}[A-Za-z0-9_-]{${MARK_LENGTH}}(?=")`, "g");

const encoder = new TextEncoder();

/**
 * @param toDecision everything that the page may depend on; called only when there is something to mark
 * @param secret part of the mark, so that a visitor cannot test guesses of which flags are on for him
 */
export function createValidators(method: string, toDecision: () => unknown, secret: string): Validators {
  let mark: Promise<string> | undefined;
  const markOf = (): Promise<string> => (mark ??= toMark(toDecision(), secret));
  const reads = method === "GET" || method === "HEAD";

  /** The tags with this decision's mark, without it. */
  async function findOwn(value: string): Promise<readonly string[]> {
    const end = `${MARK}${await markOf()}`;
    const tags = Array.from(value.matchAll(TAGS), ([, tag = ""]) => tag);
    return tags.filter((tag) => tag.endsWith(end)).map((tag) => `${tag.slice(0, -end.length)}"`);
  }

  return {
    async unmark(headers) {
      if (reads) {
        await unmarkCopies(headers, findOwn);
        await unmarkParts(headers, findOwn);
      }
      // A write depends on the state of the resource, not on the page that a visitor was shown.
      for (const name of reads ? ["if-match"] : ["if-match", "if-none-match"]) {
        const value = headers.get(name);
        if (value?.includes(MARK)) headers.set(name, value.replace(MARKED, ""));
      }
    },

    async mark(headers) {
      const tag = headers.get("etag");
      if (!reads || tag === null || !TAG.test(tag)) return;
      headers.set("etag", `${tag.slice(0, -1)}${MARK}${await markOf()}"`);
    },
  };
}

type FindOwn = (value: string) => Promise<readonly string[]>;

async function unmarkCopies(headers: Headers, findOwn: FindOwn): Promise<void> {
  const value = headers.get("if-none-match");
  const own = value === null ? [] : await findOwn(value);
  if (own.length > 0) return headers.set("if-none-match", own.join(", "));
  // A date says nothing about the decision, and `*` means any copy.
  headers.delete("if-none-match");
  headers.delete("if-modified-since");
}

async function unmarkParts(headers: Headers, findOwn: FindOwn): Promise<void> {
  const value = headers.get("if-range");
  if (value === null) return;
  const [own] = await findOwn(value);
  if (own !== undefined) return headers.set("if-range", own);
  // The whole page is sent, as if it had changed.
  headers.delete("if-range");
  headers.delete("range");
}

async function toMark(decision: unknown, secret: string): Promise<string> {
  const text = JSON.stringify(["etag", secret, decision]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return encodeBase64Url(hash.subarray(0, 9)).slice(0, MARK_LENGTH);
}
