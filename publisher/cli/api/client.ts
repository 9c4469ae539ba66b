import { CliError, EXIT } from "../cli-error.ts";
import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import type { TypedWords } from "./pointer-words.ts";
import { sendRequest, withTag } from "./request.ts";
import { segmentClient } from "./segment-client.ts";

/** Which flags to list; the members are the API's query parameters. */
export type ListFilter = Readonly<
  Partial<Record<"q" | "enabled" | "archived" | "tag" | "owner" | "sort", string>>
>;

/** An evaluation context. */
type Context = Readonly<Record<string, unknown>>;

/** A flag with the entity tag that an edit of it is based on. */
export interface TaggedFlag {
  readonly answer: answers.FlagAnswer;
  readonly etag: string;
}

export type ApiClient = ReturnType<typeof createApiClient>;

const PAGE_SIZE = "500";

/** The API switches off at the edge first, and then waits for a Postgres that may hang. */
const OFF_TIMEOUT_MS = 30_000;

/** 10,000 contexts are decided twice, for every flag. */
const PREVIEW_TIMEOUT_MS = 60_000;

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
      const { body, etag } = withTag(
        await sendRequest(connection, { method: "GET", ...flagAt(key), answer: answers.flagAnswer }),
      );
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

    /** @param draft as if this were saved */
    explain: (
      key: string,
      context: Context,
      draft: Readonly<Record<string, unknown>> | undefined,
      typed: TypedWords,
    ) =>
      sendRequest(connection, {
        method: "POST",
        ...flagAt(key, "/explain"),
        changesNothing: true,
        body: { context, ...(draft !== undefined && { draft }) },
        typed,
        answer: answers.explanation,
      }),

    /** Every flag for one context. */
    explainAll: (context: Context, typed: TypedWords) =>
      sendRequest(connection, {
        method: "POST",
        path: "/explain",
        changesNothing: true,
        body: { context },
        typed,
        answer: answers.explanations,
      }),

    /** What gates do to a request. @param visitor undefined: as a worker answers that holds no flags */
    testGates: (url: string, visitor: Context | undefined, typed: TypedWords) =>
      sendRequest(connection, {
        method: "POST",
        path: "/gates/test",
        changesNothing: true,
        body: { url, ...(visitor === undefined ? { cold: true } : { context: visitor }) },
        typed,
        answer: answers.gateTest,
      }),

    /** Who would gain and who would lose it; nothing is saved. */
    preview: async (
      key: string,
      draft: Readonly<Record<string, unknown>>,
      contexts: readonly Context[],
      typed: TypedWords,
    ) =>
      (
        await sendRequest(connection, {
          method: "POST",
          ...flagAt(key, "/preview"),
          changesNothing: true,
          timeoutMs: PREVIEW_TIMEOUT_MS,
          body: { draft, contexts },
          typed,
          answer: answers.preview,
        })
      ).body,

    /** @param seconds how long it holds */
    signOverride: async (flags: Readonly<Record<string, string>>, seconds: number) => {
      const { body: signed, said } = await sendRequest(connection, {
        method: "POST",
        path: "/overrides",
        // No flag: to ask twice makes a second link.
        changesNothing: true,
        body: { flags, expires_in: seconds },
        answer: answers.signedOverride,
      });
      return { signed, said };
    },

    segments: segmentClient(connection),

    status: async () =>
      (await sendRequest(connection, { method: "GET", path: "/status", answer: answers.status })).body,
  };
}
