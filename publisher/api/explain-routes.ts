import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import {
  explainAllRequest,
  explainRequest,
  explanationAnswer,
  explanations,
} from "../schema/explain-schema.ts";
import { gateTest, gateTestRequest } from "../schema/gate-test-schema.ts";
import { preview, previewRequest } from "../schema/preview-schema.ts";
import type { FlagService } from "../service/flag-service.ts";
import { body, failures, flagParams as params, json } from "./route-parts.ts";

/** The routes that show what flags do for users: each with its description and what it does. */
export function addExplainRoutes(api: OpenAPIHono, service: FlagService): void {
  api.openapi(
    createRoute({
      operationId: "explainFlag",
      method: "post",
      path: "/flags/{key}/explain",
      summary: "Explain a flag for one user, as it is or with a draft",
      request: { params, body: body(explainRequest, { context: { userId: "user-1", plan: "enterprise" } }) },
      responses: { 200: json(explanationAnswer, "The decision."), ...failures(400, 404, 413, 415, 422) },
    }),
    async (request) => {
      const { context, draft } = request.req.valid("json");
      return request.json(await service.explain(request.req.valid("param").key, context, draft), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "explainFlags",
      method: "post",
      path: "/explain",
      summary: "Explain every flag for one user",
      request: { body: body(explainAllRequest, { context: { userId: "user-1", plan: "enterprise" } }) },
      responses: { 200: json(explanations, "The decisions, by flag key."), ...failures(400, 413, 415, 422) },
    }),
    async (request) => request.json(await service.explainAll(request.req.valid("json").context), 200),
  );

  api.openapi(
    createRoute({
      operationId: "previewFlag",
      method: "post",
      path: "/flags/{key}/preview",
      summary: "Show which users would gain and lose a flag by a draft, before it is saved",
      description:
        "Decides for every context of the sample, with the flags and segments in Postgres. Nothing is saved.",
      request: {
        params,
        body: body(previewRequest, {
          draft: { rollout_pct: 50 },
          contexts: [{ userId: "user-1" }, { userId: "user-2", plan: "enterprise" }],
        }),
      },
      responses: { 200: json(preview, "The changes."), ...failures(400, 404, 413, 415, 422) },
    }),
    async (request) => {
      const { draft, contexts } = request.req.valid("json");
      return request.json(await service.preview(request.req.valid("param").key, draft, contexts), 200);
    },
  );

  api.openapi(
    createRoute({
      operationId: "testGates",
      method: "post",
      path: "/gates/test",
      summary: "Show what gates do to a request, and why",
      description:
        "Runs the worker's own code with the flags in Postgres. The method and headers of the request do not matter.",
      request: { body: body(gateTestRequest, { url: "/ai/chat", context: { userId: "user-1" } }) },
      responses: { 200: json(gateTest, "The outcome."), ...failures(400, 413, 415, 422) },
    }),
    async (request) => {
      const { url, context = {}, cold } = request.req.valid("json");
      return request.json(await service.testGates(url, cold ? undefined : context), 200);
    },
  );
}
