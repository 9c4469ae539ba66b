import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Version } from "../shared/revision.ts";
import { requireBearerToken } from "./auth.ts";
import * as schema from "./flag-schema.ts";
import type { FlagService, Standing, VersionedFlag } from "./flag-service.ts";
import { listParameters, toCursor, toFlagQuery } from "./list-query.ts";
import type { Log } from "./log.ts";
import { parseIfMatch, toEntityTag } from "./precondition.ts";
import { Problem, briefly } from "./problem.ts";
import type { PublisherStatus } from "./publisher.ts";
import { validationProblem, type InputPart } from "./validation-problem.ts";

/** The largest request body, in bytes; the largest flag with 10,000 ids of ordinary length fits. */
const MAX_BODY_BYTES = 1_048_576;

/** Whoever holds the one admin token. */
const ACTOR = "admin";

const JSON_TYPE = /^application\/([a-z.-]+\+)?json *(;|$)/i;

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi("Problem");

const standing = {
  epoch: z.int(),
  /** Where Postgres stands. */
  revision: z.int(),
  /** Whether Redis is known to hold that revision. */
  published: z.boolean(),
};
const flagAnswer = z.object({ flag: schema.flag, ...standing }).openapi("FlagAnswer");
const killAnswer = z
  .object({
    key: schema.flagKey,
    recorded: z.literal(false),
    published: z.literal(false),
    detail: z.string(),
  })
  .openapi("UnrecordedKill");

const json = <Schema extends z.ZodType>(content: Schema, description: string) => ({
  description,
  content: { "application/json": { schema: content } },
});
const body = <Schema extends z.ZodType>(content: Schema) => ({
  content: { "application/json": { schema: content } },
  required: true,
});
const failures = (...statuses: readonly number[]) =>
  Object.fromEntries(
    [401, 503, ...statuses].map((status) => [
      status,
      { description: "See `detail`.", content: { "application/problem+json": { schema: problem } } },
    ]),
  );

const params = z.object({ key: schema.flagKey.openapi({ param: { name: "key", in: "path" } }) });
const ifMatch = z.object({
  "if-match": z.string().optional().openapi({ description: "The ETag of the flag as you saw it." }),
});
const flagPath = "/flags/{key}";
const changed = json(flagAnswer, "The flag as it is now.");
const killed = { 202: json(killAnswer, "Off at the edge; Postgres does not know of it yet.") };

const routes = {
  list: createRoute({
    method: "get",
    path: "/flags",
    summary: "List flags",
    request: { query: listParameters },
    responses: {
      200: json(
        z.object({ flags: z.array(schema.flag), next_cursor: z.string().nullable(), ...standing }),
        "One page of flags.",
      ),
      ...failures(422),
    },
  }),
  create: createRoute({
    method: "post",
    path: "/flags",
    summary: "Create a flag, disabled and at 0 %",
    request: { body: body(schema.flagCreate) },
    responses: { 201: changed, ...failures(400, 409, 413, 415, 422) },
  }),
  get: createRoute({
    method: "get",
    path: flagPath,
    summary: "Show a flag",
    request: { params },
    responses: { 200: changed, ...failures(404, 422) },
  }),
  patch: createRoute({
    method: "patch",
    path: flagPath,
    summary: "Change a flag by a JSON merge patch",
    request: { params, headers: ifMatch, body: body(schema.flagPatch) },
    responses: { 200: changed, ...failures(400, 404, 412, 413, 415, 422, 428) },
  }),
  remove: createRoute({
    method: "delete",
    path: flagPath,
    summary: "Delete a flag that has no gates",
    request: { params, headers: ifMatch },
    responses: {
      200: json(z.object({ key: schema.flagKey, ...standing }), "It is gone."),
      ...failures(404, 409, 412, 422, 428),
    },
  }),
  rollout: createRoute({
    method: "patch",
    path: `${flagPath}/rollout`,
    summary: "Set the rollout percentage; raising it needs If-Match",
    request: {
      params,
      headers: ifMatch,
      body: body(z.strictObject({ rollout_pct: schema.rolloutPct }).openapi("Rollout")),
    },
    responses: { 200: changed, ...failures(400, 404, 412, 413, 415, 422, 428) },
  }),
  toggle: createRoute({
    method: "patch",
    path: `${flagPath}/toggle`,
    summary:
      "Switch a flag on (needs If-Match) or off (never does); without a body, the other way (needs If-Match)",
    request: {
      params,
      headers: ifMatch,
      body: {
        ...body(z.strictObject({ enabled: schema.enabled }).openapi("Toggle")),
        required: false,
      },
    },
    responses: { 200: changed, ...killed, ...failures(400, 404, 409, 412, 413, 415, 422, 428) },
  }),
  archive: createRoute({
    method: "post",
    path: `${flagPath}/archive`,
    summary: "Switch a flag off for good; its gates stay closed",
    request: { params },
    responses: { 200: changed, ...failures(404, 422) },
  }),
  restore: createRoute({
    method: "post",
    path: `${flagPath}/restore`,
    summary: "Bring an archived flag back, disabled",
    request: { params },
    responses: { 200: changed, ...failures(404, 422) },
  }),
  status: createRoute({
    method: "get",
    path: "/status",
    summary: "Where Postgres and Redis stand",
    responses: {
      200: json(
        z.object({
          ...standing,
          redis: z.object({ epoch: z.int(), revision: z.int() }).nullable(),
          fault: z.string().nullable(),
          diverged: z.boolean(),
        }),
        "Where Postgres and Redis stand.",
      ),
      ...failures(),
    },
  }),
};

/** The admin API, `/api/v1` and `/healthz`. */
export function createAdminApi(options: {
  readonly service: FlagService;
  readonly publisherStatus: () => PublisherStatus;
  readonly adminToken: string;
  readonly log: Log;
}): OpenAPIHono {
  const { service, publisherStatus, adminToken, log } = options;

  const app = new OpenAPIHono();
  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw validationProblem(result.error, PARTS[result.target] ?? "body");
    },
  });

  app.use(secureHeaders());
  app.use(async function noStore(context, next) {
    await next();
    context.header("cache-control", "no-store");
  });
  app.onError((error, context) => {
    const answer = toProblem(error);
    if (answer.status === 500) {
      log("api.failed", { method: context.req.method, path: context.req.path, error: briefly(error) });
    }
    if (answer.status === 401) context.header("www-authenticate", 'Bearer realm="sluice"');
    if (answer.status === 503) context.header("retry-after", "1");
    context.header("content-type", "application/problem+json");
    return context.body(JSON.stringify(answer.toBody()), answer.status satisfies ContentfulStatusCode);
  });
  app.notFound(() => {
    throw new Problem("not-found", "there is no such endpoint: see /api/v1/openapi.json");
  });

  app.get("/healthz", (context) => context.json({ status: "ok" }));

  api.use(requireBearerToken(adminToken));
  api.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new Problem("content-too-large", `the body has more than ${MAX_BODY_BYTES} bytes`);
      },
    }),
  );
  api.use(async function onlyJson(context, next) {
    const type = context.req.header("content-type");
    const sized = Number(context.req.header("content-length") ?? "0") > 0;
    const hasBody = sized || context.req.header("transfer-encoding") !== undefined;
    if (hasBody && (type === undefined || !JSON_TYPE.test(type))) {
      throw new Problem("unsupported-media-type", "send JSON, with `content-type: application/json`");
    }
    await next();
  });

  api.openapi(routes.list, async (context) => {
    const query = toFlagQuery(context.req.valid("query"));
    const { flags, ...where } = await service.list(query);
    const last = flags.at(-1);
    return context.json(
      {
        flags: flags.map(({ flag }) => flag as z.output<typeof schema.flag>),
        next_cursor: last !== undefined && flags.length === query.limit ? toCursor(query, last) : null,
        ...standingOf(where),
      },
      200,
    );
  });

  api.openapi(routes.create, async (context) => {
    const result = await service.create(ACTOR, context.req.valid("json"));
    context.header("location", `/api/v1/flags/${result.flag.key}`);
    return context.json(answerOf(result, context), 201);
  });

  api.openapi(routes.get, async (context) => {
    const result = await service.get(context.req.valid("param").key);
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.patch, async (context) => {
    const { key } = context.req.valid("param");
    const result = await service.patch(ACTOR, key, context.req.valid("json"), ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.remove, async (context) => {
    const { key } = context.req.valid("param");
    const result = await service.remove(ACTOR, key, ifMatchOf(context));
    return context.json({ key, ...standingOf(result) }, 200);
  });

  api.openapi(routes.rollout, async (context) => {
    const { key } = context.req.valid("param");
    const { rollout_pct } = context.req.valid("json");
    const result = await service.setRollout(ACTOR, key, rollout_pct, ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.toggle, async (context) => {
    const { key } = context.req.valid("param");
    const precondition = ifMatchOf(context);
    // Without a body there is nothing valid, whatever the types say.
    const { enabled } = context.req.valid("json") as { enabled?: boolean };
    const result =
      enabled === undefined
        ? await service.toggle(ACTOR, key, precondition)
        : enabled
          ? await service.enable(ACTOR, key, precondition)
          : await service.kill(ACTOR, key, precondition);
    if ("recorded" in result) {
      const detail = "killed at the edge, not yet recorded: Postgres does not answer; it is brought in later";
      return context.json({ ...result, published: false as const, detail }, 202);
    }
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.archive, async (context) => {
    const result = await service.archive(ACTOR, context.req.valid("param").key);
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.restore, async (context) => {
    const result = await service.restore(ACTOR, context.req.valid("param").key);
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.status, async (context) => {
    const where = await service.standing();
    const { published, fault, diverged } = publisherStatus();
    return context.json(
      {
        ...standingOf(where),
        redis: published ?? null,
        fault: fault ?? null,
        diverged: diverged !== undefined,
      },
      200,
    );
  });

  app.route("/api/v1", api);
  return app;
}

const PARTS: { readonly [target: string]: InputPart } = {
  json: "body",
  param: "param",
  query: "query",
  header: "header",
};

interface HeaderContext {
  header(name: string, value: string): void;
  readonly req: { header(name: string): string | undefined };
}

function ifMatchOf(context: HeaderContext) {
  return parseIfMatch(context.req.header("if-match"));
}

function answerOf(result: VersionedFlag & Standing, context: HeaderContext) {
  context.header("etag", toEntityTag(result.version));
  return { flag: result.flag as z.output<typeof schema.flag>, ...standingOf(result) };
}

function standingOf({ state, published }: { readonly state: Version; readonly published: boolean }) {
  return { epoch: state.epoch, revision: state.revision, published };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return new Problem("malformed-request", "the body is not JSON");
  }
  return new Problem("internal", "an unexpected fault: nothing more is known here, see the publisher's log");
}
