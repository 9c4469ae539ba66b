import type { OpenAPIHono, z } from "@hono/zod-openapi";
import { ACTOR, ifMatchOf, ifNoneMatchOf, setEntityTag, type HeaderContext } from "./answer-parts.ts";
import { isNotModified } from "../write/precondition.ts";
import { Problem } from "../problem/problem.ts";
import { segmentRoutes as routes } from "./segment-routes.ts";
import type { segment } from "../schema/segment-schema.ts";
import type { SegmentService, SegmentView, VersionedSegment } from "../service/segment-service.ts";
import { publishStateMembers, type PublishState } from "../publish/publish-state.ts";

/** Joins the routes of segments to what they do. */
export function addSegmentHandlers(api: OpenAPIHono, service: SegmentService): void {
  api.openapi(routes.listSegments, async (context) => {
    const { segments, ...where } = await service.list();
    return context.json({ segments: segments.map(shown), ...publishStateMembers(where) }, 200);
  });

  api.openapi(routes.createSegment, async (context) => {
    const result = await service.create(ACTOR, context.req.valid("json"));
    context.header("location", `/api/v1/segments/${result.segment.name}`);
    return context.json(answerOf(result, context), 201);
  });

  api.openapi(routes.getSegment, async (context) => {
    const ifNoneMatch = ifNoneMatchOf(context);
    const result = await service.get(context.req.valid("param").name);
    const answer = answerOf(result, context);
    if (isNotModified(result.version, ifNoneMatch)) return context.body(null, 304);
    return context.json(answer, 200);
  });

  api.openapi(routes.patchSegment, async (context) => {
    requireBody(context, "send a JSON merge patch as the body");
    const { name } = context.req.valid("param");
    const result = await service.patch(ACTOR, name, context.req.valid("json"), ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.changeSegmentIds, async (context) => {
    requireBody(context, 'send {"add": […], "remove": […]} as the body');
    const { name } = context.req.valid("param");
    const result = await service.changeIds(ACTOR, name, context.req.valid("json"), ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.removeSegment, async (context) => {
    const { name } = context.req.valid("param");
    const result = await service.remove(ACTOR, name, ifMatchOf(context));
    return context.json({ name, ...publishStateMembers(result) }, 200);
  });
}

/** The validator takes a missing body for an empty object, which would be a change of nothing. */
function requireBody(context: HeaderContext, detail: string): void {
  if (context.req.header("content-type") === undefined) throw new Problem("malformed-request", detail);
}

function answerOf(result: VersionedSegment & PublishState, context: HeaderContext) {
  setEntityTag(context, result.version);
  return { segment: shown(result.segment), ...publishStateMembers(result) };
}

/** What plain SQL broke is shown as it is: the schema says what a sound segment looks like. */
const shown = (view: SegmentView) => view as z.output<typeof segment>;
