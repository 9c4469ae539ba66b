import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-code.ts";
import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import { sendRequest } from "./request.ts";

/** Which flags to list; the members are the API's query parameters. */
export type ListFilter = Readonly<
  Partial<Record<"q" | "enabled" | "archived" | "tag" | "owner" | "sort", string>>
>;

/** A flag with the entity tag that an edit of it is based on. */
export interface TaggedFlag {
  readonly answer: answers.FlagAnswer;
  readonly etag: string;
}

export type ApiClient = ReturnType<typeof createApiClient>;

const PAGE_SIZE = "500";

/** The API switches off at the edge first, and then waits for a Postgres that may hang. */
const OFF_TIMEOUT_MS = 30_000;

/** The admin API's operations, one request each. */
export function createApiClient(connection: Connection) {
  const flagAt = (key: string, rest = "") => ({ key, path: `/flags/${encodeURIComponent(key)}${rest}` });

  return {
    connection,

    /** All pages, one after the other. */
    async *list(filter: ListFilter): AsyncGenerator<answers.FlagList> {
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ ...filter, limit: PAGE_SIZE });
        if (cursor !== null) query.set("cursor", cursor);
        const { body } = await sendRequest(connection, {
          method: "GET",
          path: "/flags",
          query,
          answer: answers.flagList,
        });
        yield body;
        if (body.next_cursor === cursor && cursor !== null) {
          throw new CliError(EXIT.failure, "the list has no end", {
            why: ["The API named the same page twice."],
            mend: ["try again; see the publisher's log when it happens again"],
          });
        }
        cursor = body.next_cursor;
      } while (cursor !== null);
    },

    async get(key: string): Promise<TaggedFlag> {
      const { body, etag } = await sendRequest(connection, {
        method: "GET",
        ...flagAt(key),
        answer: answers.flagAnswer,
      });
      if (etag === undefined) {
        throw new CliError(EXIT.unreachable, "the API's answer lost its ETag on the way", {
          why: ["Without it, an edit could undo what somebody else does at the same time."],
          mend: ["let the proxy before the publisher pass ETag and If-Match on"],
        });
      }
      return { answer: body, etag };
    },

    create: async (flag: { readonly key: string } & Readonly<Record<string, unknown>>) =>
      (
        await sendRequest(connection, {
          method: "POST",
          path: "/flags",
          key: flag.key,
          body: flag,
          answer: answers.flagAnswer,
        })
      ).body,

    /** A JSON merge patch of what people set of a flag as a whole. */
    patch: async (key: string, patch: Readonly<Record<string, unknown>>, etag: string) =>
      (
        await sendRequest(connection, {
          method: "PATCH",
          ...flagAt(key),
          body: patch,
          ifMatch: etag,
          answer: answers.flagAnswer,
        })
      ).body,

    setRollout: async (key: string, rolloutPct: number, etag: string | undefined) =>
      (
        await sendRequest(connection, {
          method: "PATCH",
          ...flagAt(key, "/rollout"),
          body: { rollout_pct: rolloutPct },
          ifMatch: etag,
          answer: answers.flagAnswer,
        })
      ).body,

    enable: async (key: string, etag: string) =>
      (
        await sendRequest(connection, {
          method: "PATCH",
          ...flagAt(key, "/toggle"),
          body: { enabled: true },
          ifMatch: etag,
          answer: answers.flagAnswer,
        })
      ).body,

    kill: async (key: string) =>
      (
        await sendRequest(connection, {
          method: "PATCH",
          ...flagAt(key, "/toggle"),
          body: { enabled: false },
          timeoutMs: OFF_TIMEOUT_MS,
          answer: answers.killAnswer,
        })
      ).body,

    archive: async (key: string) =>
      (
        await sendRequest(connection, {
          method: "POST",
          ...flagAt(key, "/archive"),
          timeoutMs: OFF_TIMEOUT_MS,
          answer: answers.flagAnswer,
        })
      ).body,

    restore: async (key: string) =>
      (
        await sendRequest(connection, {
          method: "POST",
          ...flagAt(key, "/restore"),
          answer: answers.flagAnswer,
        })
      ).body,

    remove: async (key: string, etag: string) =>
      (
        await sendRequest(connection, {
          method: "DELETE",
          ...flagAt(key),
          ifMatch: etag,
          answer: answers.deletion,
        })
      ).body,

    explain: async (key: string, context: Readonly<Record<string, unknown>>) =>
      (
        await sendRequest(connection, {
          method: "POST",
          ...flagAt(key, "/explain"),
          changesNothing: true,
          body: { context },
          answer: answers.explanation,
        })
      ).body,

    status: async () =>
      (await sendRequest(connection, { method: "GET", path: "/status", answer: answers.status })).body,
  };
}
