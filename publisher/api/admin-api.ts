import { OpenAPIHono, createRoute, type z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { Log } from "../process/log.ts";
import { Problem, briefly } from "../problem/problem.ts";
import { validationProblem, type InputPart } from "../problem/validation-problem.ts";
import type { ListenStatus } from "../postgres/listen.ts";
import type { PublisherStatus } from "../publish/publisher.ts";
import { health, status } from "../schema/answer-schema.ts";
import type { FlagService } from "../service/flag-service.ts";
import type { OverrideService } from "../service/override-service.ts";
import type { SegmentService } from "../service/segment-service.ts";
import { requireBearerToken } from "./auth.ts";
import { addExplainRoutes } from "./explain-routes.ts";
import { addFlagRoutes } from "./flag-routes.ts";
import { requireJsonBody } from "./json-body.ts";
import { describeApi, docsRoute, documentRoute, type openApiDocument } from "./openapi.ts";
import { renderOpenApiPage } from "./openapi-page.ts";
import { addOverrideRoutes } from "./override-routes.ts";
import { failures, json } from "./route-parts.ts";
import { addSegmentRoutes } from "./segment-routes.ts";

/** The maximum size of a body, in bytes. A flag with 10,000 ids of ordinary length fits. */
const MAX_BODY_BYTES = 1_048_576;

/** The maximum size of a preview's body, in bytes. 10,000 contexts of ordinary size fit. */
const MAX_SAMPLE_BYTES = 8 * 1_048_576;

/** Forbids scripts, frames, forms and anything loaded. */
const STRICT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PARTS: { readonly [target: string]: InputPart } = {
  json: "body",
  param: "param",
  query: "query",
  header: "header",
};

const healthRoute = createRoute({
  operationId: "getHealth",
  method: "get",
  path: "/healthz",
  summary: "Check whether the publisher runs and publishes",
  // Always 200: a publisher that cannot publish still accepts kills, and a restart would not fix it.
  description:
    "failing: Redis or Postgres does not answer. diverged: Redis and Postgres contradict each other.",
  security: [],
  responses: { 200: json(health, "The publisher runs.") },
});

const statusRoute = createRoute({
  operationId: "getStatus",
  method: "get",
  path: "/status",
  summary: "Compare Redis with Postgres",
  responses: { 200: json(status, "The revisions of Postgres and Redis."), ...failures() },
});

/** The admin API: `/api/v1` needs the token; its description and `/healthz` do not. */
export function createAdminApi(options: {
  readonly service: FlagService;
  readonly segments: SegmentService;
  readonly overrides: OverrideService;
  readonly publisherStatus: () => PublisherStatus;
  readonly listenStatus: () => ListenStatus;
  readonly adminToken: string;
  readonly log: Log;
}): OpenAPIHono {
  const { service, segments, overrides, publisherStatus, listenStatus, adminToken, log } = options;
  const app = new OpenAPIHono();

  const answer = (context: Context, error: unknown) => {
    const problem = toProblem(error);
    if (problem.status === 500) {
      const { method, path } = context.req;
      log("api.failed", { method, path: path.slice(0, 200), error: briefly(error) });
    }
    for (const [name, value] of Object.entries(problem.headers)) context.header(name, value);
    context.header("content-type", "application/problem+json");
    return context.body(JSON.stringify(problem.toBody()), problem.status satisfies ContentfulStatusCode);
  };
  app.use(secureHeaders());
  app.use(async function privateAndPlain(context, next) {
    await next();
    context.header("cache-control", "no-store");
    if (!context.res.headers.has("content-security-policy")) {
      context.header("content-security-policy", STRICT_POLICY);
    }
  });
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed(context, methods) {
        const allow = methods.toSorted().join(", ");
        const detail = `this endpoint does not accept ${context.req.method.slice(0, 20)}: use ${allow}`;
        return answer(context, new Problem("method-not-allowed", detail, { headers: { allow } }));
      },
    }),
  );
  app.onError((error, context) => answer(context, error));
  app.notFound((context) =>
    answer(context, new Problem("not-found", "there is no such endpoint: see /api/v1/docs")),
  );

  app.openapi(healthRoute, (context) => context.json({ status: healthOf(publisherStatus()) }, 200));
  app.openapi(documentRoute, (context) =>
    context.json(description as unknown as z.output<typeof openApiDocument>, 200),
  );
  app.openapi(docsRoute, async (context) => {
    const { html, styleHash } = await page;
    context.header("content-security-policy", `${STRICT_POLICY}; style-src '${styleHash}'`);
    return context.html(html, 200);
  });

  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return;
      // The validator passes its input, which the hook's type does not say.
      const { data } = result as { readonly data?: unknown };
      throw validationProblem(result.error, PARTS[result.target] ?? "body", data);
    },
  });
  api.use(requireBearerToken(adminToken));
  api.use(requireJsonBody((path) => (path.endsWith("/preview") ? MAX_SAMPLE_BYTES : MAX_BODY_BYTES)));
  addFlagRoutes(api, service);
  addExplainRoutes(api, service);
  addOverrideRoutes(api, overrides);
  api.openapi(statusRoute, async (context) =>
    context.json({ ...(await service.status()), listen: listenStatus() }, 200),
  );
  addSegmentRoutes(api, segments);
  app.route("/api/v1", api);

  const description = describeApi(app);
  const page = renderOpenApiPage(description);
  return app;
}

function healthOf({ fault, diverged }: PublisherStatus): "ok" | "failing" | "diverged" {
  if (diverged !== undefined) return "diverged";
  return fault === undefined ? "ok" : "failing";
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return new Problem("malformed-request", "the body is not JSON: check its syntax");
  }
  return new Problem("internal", "an unexpected error: see api.failed in the publisher's log");
}
