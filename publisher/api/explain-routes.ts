import { createRoute, z } from "@hono/zod-openapi";
import { explainAllRequest, explainRequest, explanation } from "../schema/explain-schema.ts";
import { preview as previewed, previewRequest } from "../schema/preview-schema.ts";
import { body, failures, json, params, standing } from "../schema/route-parts.ts";

export const explain = createRoute({
  operationId: "explainFlag",
  method: "post",
  path: "/flags/{key}/explain",
  summary: "Say what a flag is for one user, and why; as it is, or as a draft would make it",
  request: { params, body: body(explainRequest, { context: { userId: "user-1", plan: "enterprise" } }) },
  responses: {
    200: json(explanation.extend(standing).openapi("Explanation"), "The decision."),
    ...failures(400, 404, 413, 415, 422),
  },
});

export const explainAll = createRoute({
  operationId: "explainFlags",
  method: "post",
  path: "/explain",
  summary: "Say what every flag is for one user, and why",
  request: { body: body(explainAllRequest, { context: { userId: "user-1", plan: "enterprise" } }) },
  responses: {
    200: json(
      z.object({ flags: z.array(explanation), ...standing }).openapi("Explanations"),
      "The decisions, by flag key.",
    ),
    ...failures(400, 413, 415, 422),
  },
});

export const preview = createRoute({
  operationId: "previewFlag",
  method: "post",
  path: "/flags/{key}/preview",
  summary: "Say who would gain and who would lose a flag by a draft, before anything is saved",
  description:
    "Decided for every context of the sample, as Postgres has flags and segments; nothing is saved.",
  request: {
    params,
    body: body(previewRequest, {
      draft: { rollout_pct: 50 },
      contexts: [{ userId: "user-1" }, { userId: "user-2", plan: "enterprise" }],
    }),
  },
  responses: {
    200: json(previewed.openapi("Preview"), "Who changes."),
    ...failures(400, 404, 413, 415, 422),
  },
});
