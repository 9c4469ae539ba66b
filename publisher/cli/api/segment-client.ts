import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import { createSender } from "./request.ts";

/** The admin API's operations on segments, one request each. */
export function segmentClient(connection: Connection) {
  const { send, read } = createSender(connection);
  const segmentAt = (segment: string, rest = "") => ({
    segment,
    path: `/segments/${encodeURIComponent(segment)}${rest}`,
  });

  return {
    list: () => send("GET", { path: "/segments" }, answers.segmentList),

    get: (name: string) => read(segmentAt(name), answers.segmentAnswer),

    create: (segment: { readonly name: string } & Readonly<Record<string, unknown>>) =>
      send("POST", { path: "/segments", segment: segment.name }, answers.segmentAnswer, { body: segment }),

    patch: (name: string, patch: Readonly<Record<string, unknown>>, etag: string) =>
      send("PATCH", segmentAt(name), answers.segmentAnswer, { body: patch, ifMatch: etag }),

    /** Adds and removes ids without reading the segment first. */
    editIds: (
      name: string,
      edit: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
    ) => send("POST", segmentAt(name, "/ids"), answers.segmentAnswer, { body: edit }),

    remove: (name: string, etag: string) =>
      send("DELETE", segmentAt(name), answers.segmentDeletion, { ifMatch: etag }),
  };
}
