import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";
import { json } from "../../schema/route-parts.ts";

export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

const page = (description: string) => ({
  description,
  content: { "text/html": { schema: z.string() } },
});

/** The outline of an OpenAPI document. */
export const openApiDocument = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.looseObject({})),
});

/** What everybody may ask, without a token. */
export const publicRoutes = {
  health: createRoute({
    operationId: "getHealth",
    method: "get",
    path: "/healthz",
    summary: "Say that the publisher runs, and whether it publishes",
    // 200 in any case: a publisher that cannot publish still takes kills, and a restart would mend nothing.
    description: "failing: Redis or Postgres does not take part. diverged: they contradict each other.",
    security: [],
    responses: {
      200: json(z.object({ status: z.enum(["ok", "failing", "diverged"]) }).openapi("Health"), "It runs."),
    },
  }),
  document: createRoute({
    operationId: "getOpenApi",
    method: "get",
    path: "/api/v1/openapi.json",
    summary: "Describe this API for machines",
    security: [],
    responses: {
      200: json(openApiDocument, "An OpenAPI 3.1 document."),
    },
  }),
  docs: createRoute({
    operationId: "getDocs",
    method: "get",
    path: "/api/v1/docs",
    summary: "Describe this API for people",
    security: [],
    responses: { 200: page("A page.") },
  }),
} as const;

/** The document that describes an API, generated from the schemas that validate its requests. */
export function describeApi(app: OpenAPIHono): OpenApiDocument {
  app.openAPIRegistry.registerComponent("securitySchemes", "adminToken", {
    type: "http",
    scheme: "bearer",
    description: "The publisher's ADMIN_TOKEN.",
  });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Sluice admin API",
      version: "1",
      description:
        "Decides how far a feature may spread. Postgres holds the flags; every write is published to the edge, and " +
        "answers with the revision it led to and whether the edge's store has it. Writes that may let more people see " +
        "a feature need If-Match with the ETag that an earlier answer carried; switching off and narrowing never do.",
    },
    servers: [{ url: "/" }],
    security: [{ adminToken: [] }],
  });
}
