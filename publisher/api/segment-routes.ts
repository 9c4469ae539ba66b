import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import { publishStateMembers, type PublishState } from "../publish/publish-state.ts";
import * as schema from "../schema/segment-schema.ts";
import type { SegmentService, SegmentView, VersionedSegment } from "../service/segment-service.ts";
import { isNotModified } from "../write/precondition.ts";
import {
  ACTOR,
  body,
  createdHeaders,
  failures,
  ifMatch,
  ifMatchOf,
  ifNoneMatch,
  ifNoneMatchOf,
  json,
  requireBody,
  segmentParams as params,
  segmentWithTag,
  setEntityTag,
  type HeaderContext,
} from "./route-parts.ts";

const SEGMENT = "/segments/{name}";

/** The routes about segments: each with its description and what it does. */
export function addSegmentRoutes(api: OpenAPIHono, service: SegmentService): void {
  api.openapi(
    createRoute({
      operationId: "listSegments",
      method: "get",
      path: "/segments",
      summary: "List segments",
      responses: { 200: json(schema.segmentList, "All segments, by name."), ...failures() },
    }),
    async (context) => {
      const { segments, ...where } = await service.list();
      return context.json({ segments: segments.map(shown), ...publishStateMembers(where) }, 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "createSegment",
      method: "post",
      path: "/segments",
      summary: "Create a segment",
      request: { body: body(schema.segmentCreate, { name: "beta-testers", ids: ["acme", "initech"] }) },
      responses: {
        201: { ...segmentWithTag("The new segment."), headers: createdHeaders },
        ...failures(400, 409, 413, 415, 422),
      },
    }),
    async (context) => {
      const result = await service.create(ACTOR, context.req.valid("json"));
      context.header("location", `/api/v1/segments/${result.segment.name}`);
      return context.json(answerOf(result, context), 201);
    },
  );

  api.openapi(
    createRoute({
      operationId: "getSegment",
      method: "get",
      path: SEGMENT,
      summary: "Show a segment",
      request: { params, headers: ifNoneMatch },
      responses: {
        200: segmentWithTag("The segment."),
        304: { description: "The segment has not changed since the state that If-None-Match names." },
        ...failures(400, 404, 422),
      },
    }),
    async (context) => {
      const ifNoneMatch = ifNoneMatchOf(context);
      const result = await service.get(context.req.valid("param").name);
      const answer = answerOf(result, context);
      if (isNotModified(result.version, ifNoneMatch)) return context.body(null, 304);
      return context.json(answer, 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "updateSegment",
      method: "patch",
      path: SEGMENT,
      summary: "Change a segment by a JSON merge patch (needs If-Match)",
      description: "The condition is replaced as a whole, because null is a valid value in it.",
      request: {
        params,
        headers: ifMatch,
        body: body(schema.segmentPatch, { description: "Beta", ids: null }),
      },
      responses: { 200: segmentWithTag(), ...failures(400, 404, 412, 413, 415, 422, 428) },
    }),
    async (context) => {
      requireBody(context, "the body is missing: send a JSON merge patch");
      const { name } = context.req.valid("param");
      const result = await service.patch(ACTOR, name, context.req.valid("json"), ifMatchOf(context));
      return context.json(answerOf(result, context), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "changeSegmentIds",
      method: "post",
      path: `${SEGMENT}/ids`,
      summary: "Add ids to a segment, and remove ids from it",
      request: { params, headers: ifMatch, body: body(schema.segmentIds, { add: ["acme"] }) },
      responses: { 200: segmentWithTag(), ...failures(400, 404, 412, 413, 415, 422) },
    }),
    async (context) => {
      requireBody(context, 'the body is missing: send {"add": […], "remove": […]}');
      const { name } = context.req.valid("param");
      const result = await service.changeIds(ACTOR, name, context.req.valid("json"), ifMatchOf(context));
      return context.json(answerOf(result, context), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "deleteSegment",
      method: "delete",
      path: SEGMENT,
      summary: "Delete a segment that no rule refers to (needs If-Match)",
      request: { params, headers: ifMatch },
      responses: {
        200: json(schema.segmentDeletion, "The segment is deleted."),
        ...failures(400, 404, 409, 412, 413, 415, 422, 428),
      },
    }),
    async (context) => {
      const { name } = context.req.valid("param");
      const result = await service.remove(ACTOR, name, ifMatchOf(context));
      return context.json({ name, ...publishStateMembers(result) }, 200);
    },
  );
}

function answerOf(result: VersionedSegment & PublishState, context: HeaderContext) {
  setEntityTag(context, result.version);
  return { segment: shown(result.segment), ...publishStateMembers(result) };
}

/** A row that plain SQL broke is shown as it is. The schema describes valid segments. */
const shown = (view: SegmentView) => view as z.output<typeof schema.segment>;
