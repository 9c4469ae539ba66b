import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";
import { json } from "./route-parts.ts";

export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

/** The outline of an OpenAPI document. */
export const openApiDocument = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.looseObject({})),
});

export const documentRoute = createRoute({
  operationId: "getOpenApi",
  method: "get",
  path: "/api/v1/openapi.json",
  summary: "Describe this API for machines",
  security: [],
  responses: { 200: json(openApiDocument, "An OpenAPI 3.1 document.") },
});

export const docsRoute = createRoute({
  operationId: "getDocs",
  method: "get",
  path: "/api/v1/docs",
  summary: "Describe this API for people",
  security: [],
  responses: { 200: { description: "An HTML page.", content: { "text/html": { schema: z.string() } } } },
});

/** Generates the document from the schemas that validate requests. */
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
        "Controls which users see a feature. Flags are stored in Postgres, and every write is published to the edge. The " +
        "answer has the new revision, and says whether Redis has it. A write that may show a feature to more users needs " +
        "If-Match with the ETag of an earlier answer. Kills and lower percentages do not.",
    },
    servers: [{ url: "/" }],
    security: [{ adminToken: [] }],
  });
}
