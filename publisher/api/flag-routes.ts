import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";
import { publishStateMembers, type PublishState } from "../publish/publish-state.ts";
import * as schema from "../schema/flag-schema.ts";
import { OBJECT, boolean } from "../schema/text-schema.ts";
import type { FlagService } from "../service/flag-service.ts";
import { isNotModified } from "../write/precondition.ts";
import type { VersionedFlag } from "../write/flag-writer.ts";
import { listParameters, toCursor, toFlagQuery } from "./list-query.ts";
import {
  ACTOR,
  body,
  createdHeaders,
  failures,
  flagParams as params,
  flagWithTag,
  ifMatch,
  ifMatchOf,
  ifNoneMatch,
  ifNoneMatchOf,
  json,
  requireBody,
  setEntityTag,
  tagged,
  type HeaderContext,
} from "./route-parts.ts";

const FLAG = "/flags/{key}";

/** The routes about flags: each with its description and what it does. */
export function addFlagRoutes(api: OpenAPIHono, service: FlagService): void {
  api.openapi(
    createRoute({
      operationId: "listFlags",
      method: "get",
      path: "/flags",
      summary: "List flags",
      request: { query: listParameters },
      responses: { 200: json(schema.flagList, "One page of flags."), ...failures(422) },
    }),
    async (context) => {
      const query = toFlagQuery(context.req.valid("query"));
      const { flags, last, ...where } = await service.list(query);
      const next_cursor = last !== undefined && flags.length === query.limit ? toCursor(query, last) : null;
      return context.json({ flags: flags.map(shown), next_cursor, ...publishStateMembers(where) }, 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "createFlag",
      method: "post",
      path: "/flags",
      summary: "Create a flag, disabled and at 0 %",
      request: { body: body(schema.flagCreate, { key: "ai_search", description: "Answers by a model" }) },
      responses: {
        201: { ...flagWithTag("The new flag."), headers: createdHeaders },
        ...failures(400, 409, 413, 415, 422),
      },
    }),
    async (context) => {
      const result = await service.create(ACTOR, context.req.valid("json"));
      context.header("location", `/api/v1/flags/${result.flag.key}`);
      return context.json(answerOf(result, context), 201);
    },
  );

  api.openapi(
    createRoute({
      operationId: "getFlag",
      method: "get",
      path: FLAG,
      summary: "Show a flag",
      request: { params, headers: ifNoneMatch },
      responses: {
        200: flagWithTag("The flag."),
        304: { description: "The flag has not changed since the state that If-None-Match names." },
        ...failures(400, 404, 422),
      },
    }),
    async (context) => {
      const ifNoneMatch = ifNoneMatchOf(context);
      const result = await service.get(context.req.valid("param").key);
      const answer = answerOf(result, context);
      if (isNotModified(result.version, ifNoneMatch)) return context.body(null, 304);
      return context.json(answer, 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "updateFlag",
      method: "patch",
      path: FLAG,
      summary: "Change a flag by a JSON merge patch (needs If-Match)",
      request: {
        params,
        headers: ifMatch,
        body: body(schema.flagPatch, { description: "Beta", owner: null }),
      },
      responses: { 200: flagWithTag(), ...failures(400, 404, 412, 413, 415, 422, 428) },
    }),
    async (context) => {
      const { key } = context.req.valid("param");
      requireBody(context, "the body is missing: send a JSON merge patch");
      const result = await service.patch(ACTOR, key, context.req.valid("json"), ifMatchOf(context));
      return context.json(answerOf(result, context), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "deleteFlag",
      method: "delete",
      path: FLAG,
      summary: "Delete a flag that has no gates (needs If-Match)",
      request: { params, headers: ifMatch },
      responses: {
        200: json(schema.flagDeletion, "The flag is deleted."),
        ...failures(400, 404, 409, 412, 413, 415, 422, 428),
      },
    }),
    async (context) => {
      const { key } = context.req.valid("param");
      const result = await service.remove(ACTOR, key, ifMatchOf(context));
      return context.json({ key, ...publishStateMembers(result) }, 200);
    },
  );

  api.openapi(
    createRoute({
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
      responses: { 200: flagWithTag(), ...failures(400, 404, 412, 413, 415, 422, 428) },
    }),
    async (context) => {
      const { key } = context.req.valid("param");
      const { rollout_pct } = context.req.valid("json");
      const result = await service.setRollout(ACTOR, key, rollout_pct, ifMatchOf(context));
      return context.json(answerOf(result, context), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "toggleFlag",
      method: "patch",
      path: `${FLAG}/toggle`,
      summary: "Enable a flag (needs If-Match) or kill it (needs no If-Match)",
      description: "Without a body the kill switch is set to its other state, which always needs If-Match.",
      request: {
        params,
        headers: ifMatch,
        body: {
          ...body(z.strictObject({ enabled: boolean }, OBJECT).openapi("Toggle"), { enabled: false }),
          required: false,
        },
      },
      responses: {
        200: tagged(schema.toggleAnswer, "The flag after the write."),
        202: json(
          schema.unrecordedKill,
          "Killed at the edge. Postgres has not recorded the kill; the publisher retries.",
        ),
        ...failures(400, 404, 409, 412, 413, 415, 422, 428),
      },
    }),
    async (context) => {
      const { key } = context.req.valid("param");
      // Without a body the validator returns {}, which the type does not say.
      const { enabled } = context.req.valid("json") as { enabled?: boolean };
      const precondition = ifMatchOf(context);
      const result =
        enabled === undefined
          ? await service.toggle(ACTOR, key, precondition)
          : enabled
            ? await service.enable(ACTOR, key, precondition)
            : await service.kill(ACTOR, key, precondition);
      if ("recorded" in result) {
        const { recorded, cause } = result;
        const detail = `killed at the edge, not yet recorded in Postgres: ${cause}; the publisher retries until it is`;
        return context.json({ key, recorded, published: false as const, cause, detail }, 202);
      }
      return context.json({ ...answerOf(result, context), at_edge: result.atEdge }, 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "archiveFlag",
      method: "post",
      path: `${FLAG}/archive`,
      summary: "Archive a flag: disable it, and hide it from the lists",
      request: { params, headers: ifMatch },
      responses: { 200: flagWithTag(), ...failures(400, 404, 412, 413, 415, 422) },
    }),
    async (context) => {
      const result = await service.archive(ACTOR, context.req.valid("param").key, ifMatchOf(context));
      return context.json(answerOf(result, context), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "restoreFlag",
      method: "post",
      path: `${FLAG}/restore`,
      summary: "Restore an archived flag, disabled",
      request: { params, headers: ifMatch },
      responses: { 200: flagWithTag(), ...failures(400, 404, 412, 413, 415, 422) },
    }),
    async (context) => {
      const result = await service.restore(ACTOR, context.req.valid("param").key, ifMatchOf(context));
      return context.json(answerOf(result, context), 200);
    },
  );
}

function answerOf(result: VersionedFlag & PublishState, context: HeaderContext) {
  setEntityTag(context, result.version);
  return { flag: shown(result.flag), ...publishStateMembers(result) };
}

/** A row that plain SQL broke is shown as it is. The schema describes valid flags. */
const shown = (view: VersionedFlag["flag"]) => view as z.output<typeof schema.flag>;
