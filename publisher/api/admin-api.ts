import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { addHandlers } from "./flag-handlers.ts";
import { routes } from "./flag-routes.ts";
import { refuseOtherMethods } from "./allowed-methods.ts";
import { requireBearerToken } from "./auth.ts";
import type { FlagService } from "../service/flag-service.ts";
import { requireJsonBody } from "./json-body.ts";
import type { Log } from "../process/log.ts";
import { describeApi, publicRoutes, type openApiDocument } from "./openapi/openapi.ts";
import { renderOpenApiPage } from "./openapi/openapi-page.ts";
import { Problem, briefly } from "../problem/problem.ts";
import type { PublisherStatus } from "../publish/publisher.ts";
import { addOverrideHandlers } from "./override-handlers.ts";
import { overrideRoutes } from "./override-routes.ts";
import type { OverrideService } from "../service/override-service.ts";
import { addSegmentHandlers } from "./segment-handlers.ts";
import { segmentRoutes } from "./segment-routes.ts";
import type { SegmentService } from "../service/segment-service.ts";
import { validationProblem, type InputPart } from "../problem/validation-problem.ts";

/** The largest request body, in bytes; the largest flag with 10,000 ids of ordinary length fits. */
const MAX_BODY_BYTES = 1_048_576;

/** The same where a sample of contexts is sent along: 10,000 of ordinary size. */
const MAX_SAMPLE_BYTES = 8 * 1_048_576;

/** What nothing here needs: scripts, frames, forms, anything loaded. */
const STRICT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PARTS: { readonly [target: string]: InputPart } = {
  json: "body",
  param: "param",
  query: "query",
  header: "header",
};

/** The admin API: `/api/v1` behind the token, its description and `/healthz` before it. */
export function createAdminApi(options: {
  readonly service: FlagService;
  readonly segments: SegmentService;
  readonly overrides: OverrideService;
  readonly publisherStatus: () => PublisherStatus;
  readonly adminToken: string;
  readonly log: Log;
}): OpenAPIHono {
  const { service, segments, overrides, publisherStatus, adminToken, log } = options;
  const app = new OpenAPIHono();

  app.use(secureHeaders());
  app.use(async function privateAndPlain(context, next) {
    await next();
    context.header("cache-control", "no-store");
    if (!context.res.headers.has("content-security-policy")) {
      context.header("content-security-policy", STRICT_POLICY);
    }
  });
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
  app.onError((error, context) => answer(context, error));
  app.notFound((context) =>
    answer(context, new Problem("not-found", "there is no such endpoint: see /api/v1/docs")),
  );

  app.openapi(publicRoutes.health, (context) => context.json({ status: healthOf(publisherStatus()) }, 200));
  app.openapi(publicRoutes.document, (context) =>
    context.json(description as unknown as z.output<typeof openApiDocument>, 200),
  );
  app.openapi(publicRoutes.docs, async (context) => {
    const { html, styleHash } = await page;
    context.header("content-security-policy", `${STRICT_POLICY}; style-src '${styleHash}'`);
    return context.html(html, 200);
  });
  refuseOtherMethods(app, Object.values(publicRoutes).map(toHonoRoute));

  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return;
      // The validator hands over what it was given, which the hook's type does not say.
      const { data } = result as { readonly data?: unknown };
      throw validationProblem(result.error, PARTS[result.target] ?? "body", data);
    },
  });
  api.use(requireBearerToken(adminToken));
  api.use(requireJsonBody((path) => (path.endsWith("/preview") ? MAX_SAMPLE_BYTES : MAX_BODY_BYTES)));
  addHandlers(api, service, publisherStatus);
  addSegmentHandlers(api, segments);
  addOverrideHandlers(api, overrides);
  refuseOtherMethods(api, Object.values({ ...routes, ...segmentRoutes, ...overrideRoutes }).map(toHonoRoute));
  app.route("/api/v1", api);

  const description = describeApi(app);
  const page = renderOpenApiPage(description);
  return app;
}

function healthOf({ fault, diverged }: PublisherStatus): "ok" | "failing" | "diverged" {
  if (diverged !== undefined) return "diverged";
  return fault === undefined ? "ok" : "failing";
}

function toHonoRoute(route: { readonly method: string; getRoutingPath(): string }) {
  return { method: route.method, path: route.getRoutingPath() };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return new Problem("malformed-request", "the body is not JSON");
  }
  return new Problem("internal", "an unexpected fault: nothing more is known here, see the publisher's log");
}
