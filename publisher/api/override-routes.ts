import { createRoute } from "@hono/zod-openapi";
import { overrideRequest, signedOverride } from "../schema/override-schema.ts";
import { body, failures, json } from "../schema/route-parts.ts";

const sign = createRoute({
  operationId: "signOverride",
  method: "post",
  path: "/overrides",
  summary: "Sign a test override: a link that forces flags for one browser",
  description:
    "It never beats a kill, a disabled flag or a prerequisite. 409 without OVERRIDE_KEYS. Every one is in the audit.",
  request: { body: body(overrideRequest, { flags: { ai_search: "on" }, expires_in: 7200 }) },
  responses: {
    200: json(signedOverride, "The override."),
    ...failures(400, 409, 413, 415, 422),
  },
});

/** What the admin API answers about test overrides. */
export const overrideRoutes = { signOverride: sign } as const;
