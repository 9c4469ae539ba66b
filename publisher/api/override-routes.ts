import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { overrideRequest, signedOverride } from "../schema/override-schema.ts";
import type { OverrideService } from "../service/override-service.ts";
import { ACTOR, body, failures, json } from "./route-parts.ts";

/** The route about test overrides. */
export function addOverrideRoutes(api: OpenAPIHono, service: OverrideService): void {
  api.openapi(
    createRoute({
      operationId: "signOverride",
      method: "post",
      path: "/overrides",
      summary: "Sign a test override: a link that forces flags in one browser",
      description:
        "An override never turns on a killed or disabled flag, nor one whose prerequisite is off. Every override is in the " +
        "audit. Without OVERRIDE_KEYS the answer is 409.",
      request: { body: body(overrideRequest, { flags: { ai_search: "on" }, expires_in: 7200 }) },
      responses: { 200: json(signedOverride, "The override."), ...failures(400, 409, 413, 415, 422) },
    }),
    async (request) => {
      const { flags, expires_in } = request.req.valid("json");
      return request.json(await service.sign(ACTOR, flags, expires_in), 200);
    },
  );
}
