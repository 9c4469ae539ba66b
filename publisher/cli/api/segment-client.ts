import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import { type ApiRequest, sendRequest, withTag } from "./request.ts";
import type { z } from "zod";

/** A segment with the entity tag that an edit of it is based on. */
export interface TaggedSegment {
  readonly answer: answers.SegmentAnswer;
  readonly etag: string;
}

/** The admin API's operations on segments, one request each. */
export function segmentClient(connection: Connection) {
  const ask = async <Schema extends z.ZodType>(request: ApiRequest<Schema>) =>
    (await sendRequest(connection, request)).body;
  const segmentAt = (segment: string, rest = "") => ({
    segment,
    path: `/segments/${encodeURIComponent(segment)}${rest}`,
  });

  return {
    list: () => ask({ method: "GET", path: "/segments", answer: answers.segmentList }),

    async get(name: string): Promise<TaggedSegment> {
      const { body, etag } = withTag(
        await sendRequest(connection, { method: "GET", ...segmentAt(name), answer: answers.segmentAnswer }),
      );
      return { answer: body, etag };
    },

    create: (segment: { readonly name: string } & Readonly<Record<string, unknown>>) =>
      ask({
        method: "POST",
        path: "/segments",
        segment: segment.name,
        body: segment,
        answer: answers.segmentAnswer,
      }),

    patch: (name: string, patch: Readonly<Record<string, unknown>>, etag: string) =>
      ask({ method: "PATCH", ...segmentAt(name), body: patch, ifMatch: etag, answer: answers.segmentAnswer }),

    /** Adds and removes ids without reading the segment first. */
    editIds: (
      name: string,
      edit: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
    ) => ask({ method: "POST", ...segmentAt(name, "/ids"), body: edit, answer: answers.segmentAnswer }),

    remove: (name: string, etag: string) =>
      ask({ method: "DELETE", ...segmentAt(name), ifMatch: etag, answer: answers.segmentDeletion }),
  };
}
