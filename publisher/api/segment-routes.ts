import { createRoute, z } from "@hono/zod-openapi";
import { body, failures, ifMatch, ifNoneMatch, json, standing } from "../schema/route-parts.ts";
import * as schema from "../schema/segment-schema.ts";
import { segmentName } from "../schema/text-schema.ts";

const SEGMENT = "/segments/{name}";

const params = z.object({ name: segmentName.openapi({ param: { name: "name", in: "path" } }) });

const segmentAnswer = z.object({ segment: schema.segment, ...standing }).openapi("SegmentAnswer");

/** A segment as it is, with the entity tag that a later write is based on. */
const segmentWithTag = (description: string) => ({
  ...json(segmentAnswer, description),
  headers: z.object({ ETag: z.string().openapi({ example: '"1.412"' }) }),
});

const list = createRoute({
  operationId: "listSegments",
  method: "get",
  path: "/segments",
  summary: "List segments",
  responses: {
    200: json(
      z.object({ segments: z.array(schema.segment), ...standing }).openapi("SegmentList"),
      "All segments, by name.",
    ),
    ...failures(),
  },
});

const create = createRoute({
  operationId: "createSegment",
  method: "post",
  path: "/segments",
  summary: "Create a segment",
  request: { body: body(schema.segmentCreate, { name: "beta-testers", ids: ["acme", "initech"] }) },
  responses: {
    201: {
      ...segmentWithTag("The new segment."),
      headers: z.object({ ETag: z.string(), Location: z.string() }),
    },
    ...failures(400, 409, 413, 415, 422),
  },
});

const get = createRoute({
  operationId: "getSegment",
  method: "get",
  path: SEGMENT,
  summary: "Show a segment",
  request: { params, headers: ifNoneMatch },
  responses: {
    200: segmentWithTag("The segment."),
    304: { description: "The segment is still the one that If-None-Match names." },
    ...failures(400, 404, 422),
  },
});

const patch = createRoute({
  operationId: "updateSegment",
  method: "patch",
  path: SEGMENT,
  summary: "Change a segment by a JSON merge patch (needs If-Match)",
  description: "The condition is replaced as a whole: in it, null is a value.",
  request: { params, headers: ifMatch, body: body(schema.segmentPatch, { description: "Beta", ids: null }) },
  responses: {
    200: segmentWithTag("The segment as it is now."),
    ...failures(400, 404, 412, 413, 415, 422, 428),
  },
});

const changeIds = createRoute({
  operationId: "changeSegmentIds",
  method: "post",
  path: `${SEGMENT}/ids`,
  summary: "Add ids to a segment, and take others away",
  request: { params, headers: ifMatch, body: body(schema.segmentIds, { add: ["acme"] }) },
  responses: {
    200: segmentWithTag("The segment as it is now."),
    ...failures(400, 404, 412, 413, 415, 422),
  },
});

const remove = createRoute({
  operationId: "deleteSegment",
  method: "delete",
  path: SEGMENT,
  summary: "Delete a segment that no rule asks for (needs If-Match)",
  request: { params, headers: ifMatch },
  responses: {
    200: json(z.object({ name: segmentName, ...standing }).openapi("SegmentDeletion"), "It is gone."),
    ...failures(400, 404, 409, 412, 413, 415, 422, 428),
  },
});

/** What the admin API answers about segments. */
export const segmentRoutes = {
  listSegments: list,
  createSegment: create,
  getSegment: get,
  patchSegment: patch,
  changeSegmentIds: changeIds,
  removeSegment: remove,
} as const;
