import { CliError, EXIT } from "../cli-error.ts";
import * as answers from "./answers.ts";
import type { Connection } from "./connection.ts";
import { createSender } from "./request.ts";
import { segmentClient } from "./segment-client.ts";

/** Which flags to list; the members are the API's query parameters. */
export type ListFilter = Readonly<
  Partial<Record<"q" | "enabled" | "archived" | "tag" | "owner" | "sort", string>>
>;

/** An evaluation context. */
type Context = Readonly<Record<string, unknown>>;

export type ApiClient = ReturnType<typeof createApiClient>;

const PAGE_SIZE = "500";

/** The API kills at the edge first, then waits for Postgres, which may hang. */
const OFF_TIMEOUT_MS = 30_000;

/** 10,000 contexts are evaluated twice for every flag. */
const PREVIEW_TIMEOUT_MS = 60_000;

/** The admin API's operations, one request each. */
export function createApiClient(connection: Connection) {
  const { send, read } = createSender(connection);
  const flagAt = (key: string, rest = "") => ({ key, path: `/flags/${encodeURIComponent(key)}${rest}` });

  return {
    connection,

    /** All pages, in order. */
    async *list(filter: ListFilter): AsyncGenerator<answers.FlagList> {
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ ...filter, limit: PAGE_SIZE });
        if (cursor !== null) query.set("cursor", cursor);
        const page = await send("GET", { path: "/flags" }, answers.flagList, { query });
        yield page;
        if (page.next_cursor === cursor && cursor !== null) {
          throw new CliError(EXIT.failure, "the list does not end", {
            why: ["The API returned the same page twice."],
            fix: ["try again; if it happens again, see the publisher's log"],
          });
        }
        cursor = page.next_cursor;
      } while (cursor !== null);
    },

    get: (key: string) => read(flagAt(key), answers.flagAnswer),

    create: (flag: { readonly key: string } & Readonly<Record<string, unknown>>) =>
      send("POST", { path: "/flags", key: flag.key }, answers.flagAnswer, { body: flag }),

    /** @param patch a JSON merge patch */
    patch: (key: string, patch: Readonly<Record<string, unknown>>, etag: string) =>
      send("PATCH", flagAt(key), answers.flagAnswer, { body: patch, ifMatch: etag }),

    setRollout: (key: string, rolloutPct: number, etag: string | undefined) =>
      send("PATCH", flagAt(key, "/rollout"), answers.flagAnswer, {
        body: { rollout_pct: rolloutPct },
        ifMatch: etag,
      }),

    enable: (key: string, etag: string) =>
      send("PATCH", flagAt(key, "/toggle"), answers.flagAnswer, { body: { enabled: true }, ifMatch: etag }),

    kill: (key: string) =>
      send("PATCH", flagAt(key, "/toggle"), answers.killAnswer, {
        body: { enabled: false },
        timeoutMs: OFF_TIMEOUT_MS,
      }),

    archive: (key: string) =>
      send("POST", flagAt(key, "/archive"), answers.flagAnswer, { timeoutMs: OFF_TIMEOUT_MS }),

    restore: (key: string) => send("POST", flagAt(key, "/restore"), answers.flagAnswer),

    remove: (key: string, etag: string) =>
      send("DELETE", flagAt(key), answers.flagDeletion, { ifMatch: etag }),

    /** @param draft a change to evaluate as if it were saved */
    explain: (key: string, context: Context, draft: Readonly<Record<string, unknown>> | undefined) =>
      send("POST", flagAt(key, "/explain"), answers.explanation, {
        changesNothing: true,
        body: { context, ...(draft !== undefined && { draft }) },
      }),

    /** Every flag for one context. */
    explainAll: (context: Context) =>
      send("POST", { path: "/explain" }, answers.explanations, { changesNothing: true, body: { context } }),

    /** What gates do to a request. @param visitor undefined: as a worker without flags answers */
    testGates: (url: string, visitor: Context | undefined) =>
      send("POST", { path: "/gates/test" }, answers.gateTest, {
        changesNothing: true,
        body: { url, ...(visitor === undefined ? { cold: true } : { context: visitor }) },
      }),

    /** Which contexts would gain or lose the flag. Saves nothing. */
    preview: (key: string, draft: Readonly<Record<string, unknown>>, contexts: readonly Context[]) =>
      send("POST", flagAt(key, "/preview"), answers.preview, {
        changesNothing: true,
        timeoutMs: PREVIEW_TIMEOUT_MS,
        body: { draft, contexts },
      }),

    /** @param seconds until the override expires */
    signOverride: (flags: Readonly<Record<string, string>>, seconds: number) =>
      send("POST", { path: "/overrides" }, answers.signedOverride, {
        // Changes no flag: a repeated request only makes a second link.
        changesNothing: true,
        body: { flags, expires_in: seconds },
      }),

    segments: segmentClient(connection),

    status: () => send("GET", { path: "/status" }, answers.status),
  };
}
