import { createRoute, z } from "@hono/zod-openapi";
import { explain, explainAll, preview } from "./explain-routes.ts";
import { testGates } from "./gate-routes.ts";
import * as schema from "../schema/flag-schema.ts";
import { listParameters } from "./list-query.ts";
import {
  body,
  failures,
  flagAnswer,
  flagWithTag,
  ifMatch,
  ifNoneMatch,
  json,
  params,
  standing,
} from "../schema/route-parts.ts";
import { OBJECT, boolean, flagKey } from "../schema/text-schema.ts";

const FLAG = "/flags/{key}";

const version = z.object({ epoch: z.int(), revision: z.int() });

const unrecordedKill = z
  .object({
    key: flagKey,
    recorded: z.literal(false),
    published: z.literal(false),
    cause: z.string(),
    detail: z.string(),
  })
  .openapi("UnrecordedKill");

const list = createRoute({
  operationId: "listFlags",
  method: "get",
  path: "/flags",
  summary: "List flags",
  request: { query: listParameters },
  responses: {
    200: json(
      z
        .object({ flags: z.array(schema.flag), next_cursor: z.string().nullable(), ...standing })
        .openapi("FlagList"),
      "One page of flags.",
    ),
    ...failures(422),
  },
});

const create = createRoute({
  operationId: "createFlag",
  method: "post",
  path: "/flags",
  summary: "Create a flag, disabled and at 0 %",
  request: { body: body(schema.flagCreate, { key: "ai_search", description: "Answers by a model" }) },
  responses: {
    201: {
      ...flagWithTag("The new flag."),
      headers: z.object({ ETag: z.string(), Location: z.string() }),
    },
    ...failures(400, 409, 413, 415, 422),
  },
});

const get = createRoute({
  operationId: "getFlag",
  method: "get",
  path: FLAG,
  summary: "Show a flag",
  request: { params, headers: ifNoneMatch },
  responses: {
    200: flagWithTag("The flag."),
    304: { description: "The flag is still the one that If-None-Match names." },
    ...failures(400, 404, 422),
  },
});

const patch = createRoute({
  operationId: "updateFlag",
  method: "patch",
  path: FLAG,
  summary: "Change a flag by a JSON merge patch (needs If-Match)",
  request: { params, headers: ifMatch, body: body(schema.flagPatch, { description: "Beta", owner: null }) },
  responses: {
    200: flagWithTag("The flag as it is now."),
    ...failures(400, 404, 412, 413, 415, 422, 428),
  },
});

const remove = createRoute({
  operationId: "deleteFlag",
  method: "delete",
  path: FLAG,
  summary: "Delete a flag that has no gates (needs If-Match)",
  request: { params, headers: ifMatch },
  responses: {
    200: json(z.object({ key: flagKey, ...standing }).openapi("Deletion"), "It is gone."),
    ...failures(400, 404, 409, 412, 413, 415, 422, 428),
  },
});

const rollout = createRoute({
  operationId: "setRollout",
  method: "patch",
  path: `${FLAG}/rollout`,
  summary: "Set the rollout percentage (raising it needs If-Match)",
  request: {
    params,
    headers: ifMatch,
    body: body(z.strictObject({ rollout_pct: schema.rolloutPct }, OBJECT).openapi("Rollout"), {
      rollout_pct: 25,
    }),
  },
  responses: {
    200: flagWithTag("The flag as it is now."),
    ...failures(400, 404, 412, 413, 415, 422, 428),
  },
});

const toggle = createRoute({
  operationId: "toggleFlag",
  method: "patch",
  path: `${FLAG}/toggle`,
  summary: "Switch a flag on (needs If-Match) or off (never does)",
  description: "Without a body it is switched to the other state, which needs If-Match either way.",
  request: {
    params,
    headers: ifMatch,
    body: {
      ...body(z.strictObject({ enabled: boolean }, OBJECT).openapi("Toggle"), { enabled: false }),
      required: false,
    },
  },
  responses: {
    200: {
      ...json(
        flagAnswer
          .extend({
            at_edge: z.boolean().optional().openapi({
              description: "Of a kill: whether Redis is known to hold it, published or not.",
            }),
          })
          .openapi("ToggleAnswer"),
        "The flag as it is now.",
      ),
      headers: flagWithTag("").headers,
    },
    202: json(unrecordedKill, "Off at the edge; Postgres does not know of it yet, and is told later."),
    ...failures(400, 404, 409, 412, 413, 415, 422, 428),
  },
});

const archive = createRoute({
  operationId: "archiveFlag",
  method: "post",
  path: `${FLAG}/archive`,
  summary: "Switch a flag off for good, and take it out of the lists",
  request: { params, headers: ifMatch },
  responses: { 200: flagWithTag("The flag as it is now."), ...failures(400, 404, 412, 413, 415, 422) },
});

const restore = createRoute({
  operationId: "restoreFlag",
  method: "post",
  path: `${FLAG}/restore`,
  summary: "Bring an archived flag back, disabled",
  request: { params, headers: ifMatch },
  responses: { 200: flagWithTag("The flag as it is now."), ...failures(400, 404, 412, 413, 415, 422) },
});

const status = createRoute({
  operationId: "getStatus",
  method: "get",
  path: "/status",
  summary: "Show where Postgres and Redis stand",
  responses: {
    200: json(
      z
        .object({
          ...standing,
          changed_at: z.iso.datetime().openapi({ description: "When Postgres came to that revision." }),
          changed_ms_ago: z.int().min(0).openapi({ description: "The same by Postgres' own clock." }),
          redis: version
            .nullable()
            .openapi({ description: "What Redis holds, asked just now; null: nothing that can be read." }),
          fault: z.string().nullable().openapi({
            description: "Why the last publish failed, or what is wrong with what Redis holds.",
          }),
          pending_kills: z.array(z.string()).nullable().openapi({
            description:
              "Flags that a kill holds off at the edge and Postgres has not recorded; null: not known.",
          }),
          diverged: z.boolean().openapi({
            description:
              "Redis and Postgres contradict each other: nothing is published until `sluice publish --force`.",
          }),
          divergence: z
            .object({ why: z.string(), since: z.iso.datetime(), redis: version })
            .nullable()
            .openapi({ description: "What was found, and when." }),
        })
        .openapi("Status"),
      "Where Postgres and Redis stand.",
    ),
    ...failures(),
  },
});

/** What the admin API answers below `/api/v1`, for those who hold the token. */
export const routes = {
  list,
  create,
  get,
  patch,
  remove,
  rollout,
  toggle,
  archive,
  restore,
  explain,
  explainAll,
  preview,
  testGates,
  status,
} as const;
