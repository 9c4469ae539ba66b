import { CliError, EXIT } from "../cli-error.ts";
import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import { type ApiRequest, sendRequest, withTag } from "./request.ts";
import type { z } from "zod";
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

/** The API kills at the edge first, then waits for Postgres, which may hang. */
const OFF_TIMEOUT_MS = 30_000;

/** 10,000 contexts are evaluated twice for every flag. */
const PREVIEW_TIMEOUT_MS = 60_000;

/** The admin API's operations, one request each. */
export function createApiClient(connection: Connection) {
  const ask = async <Schema extends z.ZodType>(request: ApiRequest<Schema>) =>
    (await sendRequest(connection, request)).body;
  const flagAt = (key: string, rest = "") => ({ key, path: `/flags/${encodeURIComponent(key)}${rest}` });

  return {
    connection,

    /** All pages, in order. */
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
          throw new CliError(EXIT.failure, "the list does not end", {
            why: ["The API returned the same page twice."],
            fix: ["try again; if it happens again, see the publisher's log"],
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

    create: (flag: { readonly key: string } & Readonly<Record<string, unknown>>) =>
      ask({ method: "POST", path: "/flags", key: flag.key, body: flag, answer: answers.flagAnswer }),

    /** @param patch a JSON merge patch */
    patch: (key: string, patch: Readonly<Record<string, unknown>>, etag: string) =>
      ask({ method: "PATCH", ...flagAt(key), body: patch, ifMatch: etag, answer: answers.flagAnswer }),

    setRollout: (key: string, rolloutPct: number, etag: string | undefined) =>
      ask({
        method: "PATCH",
        ...flagAt(key, "/rollout"),
        body: { rollout_pct: rolloutPct },
        ifMatch: etag,
        answer: answers.flagAnswer,
      }),

    enable: (key: string, etag: string) =>
      ask({
        method: "PATCH",
        ...flagAt(key, "/toggle"),
        body: { enabled: true },
        ifMatch: etag,
        answer: answers.flagAnswer,
      }),

    kill: (key: string) =>
      ask({
        method: "PATCH",
        ...flagAt(key, "/toggle"),
        body: { enabled: false },
        timeoutMs: OFF_TIMEOUT_MS,
        answer: answers.killAnswer,
      }),

    archive: (key: string) =>
      ask({
        method: "POST",
        ...flagAt(key, "/archive"),
        timeoutMs: OFF_TIMEOUT_MS,
        answer: answers.flagAnswer,
      }),

    restore: (key: string) => ask({ method: "POST", ...flagAt(key, "/restore"), answer: answers.flagAnswer }),

    remove: (key: string, etag: string) =>
      ask({ method: "DELETE", ...flagAt(key), ifMatch: etag, answer: answers.flagDeletion }),

    /** @param draft a change to evaluate as if it were saved */
    explain: (key: string, context: Context, draft: Readonly<Record<string, unknown>> | undefined) =>
      ask({
        method: "POST",
        ...flagAt(key, "/explain"),
        changesNothing: true,
        body: { context, ...(draft !== undefined && { draft }) },
        answer: answers.explanation,
      }),

    /** Every flag for one context. */
    explainAll: (context: Context) =>
      ask({
        method: "POST",
        path: "/explain",
        changesNothing: true,
        body: { context },
        answer: answers.explanations,
      }),

    /** What gates do to a request. @param visitor undefined: as a worker without flags answers */
    testGates: (url: string, visitor: Context | undefined) =>
      ask({
        method: "POST",
        path: "/gates/test",
        changesNothing: true,
        body: { url, ...(visitor === undefined ? { cold: true } : { context: visitor }) },
        answer: answers.gateTest,
      }),

    /** Which contexts would gain or lose the flag. Saves nothing. */
    preview: (key: string, draft: Readonly<Record<string, unknown>>, contexts: readonly Context[]) =>
      ask({
        method: "POST",
        ...flagAt(key, "/preview"),
        changesNothing: true,
        timeoutMs: PREVIEW_TIMEOUT_MS,
        body: { draft, contexts },
        answer: answers.preview,
      }),

    /** @param seconds until the override expires */
    signOverride: (flags: Readonly<Record<string, string>>, seconds: number) =>
      ask({
        method: "POST",
        path: "/overrides",
        // Changes no flag: a repeated request only makes a second link.
        changesNothing: true,
        body: { flags, expires_in: seconds },
        answer: answers.signedOverride,
      }),

    segments: segmentClient(connection),

    status: () => ask({ method: "GET", path: "/status", answer: answers.status }),
  };
}
