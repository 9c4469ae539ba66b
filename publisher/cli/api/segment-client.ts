import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import type { TypedWords } from "./pointer-words.ts";
import { sendRequest, withTag } from "./request.ts";

/** A segment with the entity tag that an edit of it is based on. */
export interface TaggedSegment {
  readonly answer: answers.SegmentAnswer;
  readonly etag: string;
}

/** The admin API's operations on segments, one request each. */
export function segmentClient(connection: Connection) {
  const segmentAt = (segment: string, rest = "") => ({
    segment,
    path: `/segments/${encodeURIComponent(segment)}${rest}`,
  });

  return {
    list: async () =>
      (await sendRequest(connection, { method: "GET", path: "/segments", answer: answers.segmentList })).body,

    async get(name: string): Promise<TaggedSegment> {
      const { body, etag } = withTag(
        await sendRequest(connection, { method: "GET", ...segmentAt(name), answer: answers.segmentAnswer }),
      );
      return { answer: body, etag };
    },

    create: async (
      segment: { readonly name: string } & Readonly<Record<string, unknown>>,
      typed: TypedWords,
    ) =>
      (
        await sendRequest(connection, {
          method: "POST",
          path: "/segments",
          segment: segment.name,
          body: segment,
          typed,
          answer: answers.segmentAnswer,
        })
      ).body,

    patch: async (name: string, patch: Readonly<Record<string, unknown>>, etag: string, typed: TypedWords) =>
      (
        await sendRequest(connection, {
          method: "PATCH",
          ...segmentAt(name),
          body: patch,
          typed,
          ifMatch: etag,
          answer: answers.segmentAnswer,
        })
      ).body,

    /** Adds and removes ids, whatever the others are: needs no look before it. */
    editIds: async (
      name: string,
      edit: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
      typed: TypedWords,
    ) =>
      (
        await sendRequest(connection, {
          method: "POST",
          ...segmentAt(name, "/ids"),
          body: edit,
          typed,
          answer: answers.segmentAnswer,
        })
      ).body,

    remove: async (name: string, etag: string) =>
      (
        await sendRequest(connection, {
          method: "DELETE",
          ...segmentAt(name),
          ifMatch: etag,
          answer: answers.segmentDeletion,
        })
      ).body,
  };
}
