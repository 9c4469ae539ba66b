import type { OpenAPIHono, z } from "@hono/zod-openapi";
import { routes } from "./flag-routes.ts";
import { ACTOR, ifMatchOf, ifNoneMatchOf, setEntityTag, type HeaderContext } from "./answer-parts.ts";
import { divergenceText } from "../postgres/publication.ts";
import type { explanation } from "../schema/explain-schema.ts";
import type { Explanation } from "../explain/explanation.ts";
import type { flag } from "../schema/flag-schema.ts";
import type { FlagService } from "../service/flag-service.ts";
import type { gateTest } from "../schema/gate-test-schema.ts";
import type { VersionedFlag } from "../write/flag-writer.ts";
import { toCursor, toFlagQuery } from "./list-query.ts";
import { isNotModified } from "../write/precondition.ts";
import { Problem } from "../problem/problem.ts";
import type { preview as previewed } from "../schema/preview-schema.ts";
import type { PublisherStatus } from "../publish/publisher.ts";
import { publishStateMembers, type PublishState } from "../publish/publish-state.ts";

const unrecorded = (cause: string): string =>
  `killed at the edge, not yet recorded: ${cause}; it is brought in later`;

/** Joins the routes to what they do. */
export function addHandlers(
  api: OpenAPIHono,
  service: FlagService,
  publisherStatus: () => PublisherStatus,
): void {
  api.openapi(routes.list, async (context) => {
    const query = toFlagQuery(context.req.valid("query"));
    const { flags, ...where } = await service.list(query);
    const last = flags.at(-1);
    const next_cursor = last !== undefined && flags.length === query.limit ? toCursor(query, last) : null;
    return context.json(
      { flags: flags.map(({ flag }) => shown(flag)), next_cursor, ...publishStateMembers(where) },
      200,
    );
  });

  api.openapi(routes.create, async (context) => {
    const result = await service.create(ACTOR, context.req.valid("json"));
    context.header("location", `/api/v1/flags/${result.flag.key}`);
    return context.json(answerOf(result, context), 201);
  });

  api.openapi(routes.get, async (context) => {
    const ifNoneMatch = ifNoneMatchOf(context);
    const result = await service.get(context.req.valid("param").key);
    const answer = answerOf(result, context);
    if (isNotModified(result.version, ifNoneMatch)) return context.body(null, 304);
    return context.json(answer, 200);
  });

  api.openapi(routes.patch, async (context) => {
    const { key } = context.req.valid("param");
    // The validator takes a missing body for an empty object, which would be a patch that changes nothing.
    if (context.req.header("content-type") === undefined) {
      throw new Problem("malformed-request", "send a JSON merge patch as the body");
    }
    const result = await service.patch(ACTOR, key, context.req.valid("json"), ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.remove, async (context) => {
    const { key } = context.req.valid("param");
    const result = await service.remove(ACTOR, key, ifMatchOf(context));
    return context.json({ key, ...publishStateMembers(result) }, 200);
  });

  api.openapi(routes.rollout, async (context) => {
    const { key } = context.req.valid("param");
    const { rollout_pct } = context.req.valid("json");
    const result = await service.setRollout(ACTOR, key, rollout_pct, ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.toggle, async (context) => {
    const { key } = context.req.valid("param");
    // Without a body there is nothing valid, whatever the types say.
    const { enabled } = context.req.valid("json") as { enabled?: boolean };
    const precondition = ifMatchOf(context);
    const result =
      enabled === undefined
        ? await service.toggle(ACTOR, key, precondition)
        : enabled
          ? await service.enable(ACTOR, key, precondition)
          : await service.kill(ACTOR, key, precondition);
    if ("recorded" in result) {
      const { cause } = result;
      return context.json(
        { key, recorded: false as const, published: false as const, cause, detail: unrecorded(cause) },
        202,
      );
    }
    const atEdge = "atEdge" in result && typeof result.atEdge === "boolean" ? result.atEdge : undefined;
    return context.json(
      { ...answerOf(result, context), ...(atEdge !== undefined && { at_edge: atEdge }) },
      200,
    );
  });

  api.openapi(routes.archive, async (context) => {
    const result = await service.archive(ACTOR, context.req.valid("param").key, ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.restore, async (context) => {
    const result = await service.restore(ACTOR, context.req.valid("param").key, ifMatchOf(context));
    return context.json(answerOf(result, context), 200);
  });

  api.openapi(routes.explain, async (context) => {
    const { key } = context.req.valid("param");
    const asked = context.req.valid("json");
    const { state, published, ...explanation } = await service.explain(key, asked.context, asked.draft);
    return context.json({ ...toJson(explanation), ...publishStateMembers({ state, published }) }, 200);
  });

  api.openapi(routes.explainAll, async (context) => {
    const { flags, ...where } = await service.explainAll(context.req.valid("json").context);
    return context.json({ flags: flags.map(toJson), ...publishStateMembers(where) }, 200);
  });

  api.openapi(routes.preview, async (context) => {
    const { key } = context.req.valid("param");
    const { draft, contexts } = context.req.valid("json");
    const { state, ...preview } = await service.preview(key, draft, contexts);
    return context.json({ ...(preview as z.output<typeof previewed>), ...state }, 200);
  });

  api.openapi(routes.testGates, async (context) => {
    const { url, context: visitor = {}, cold } = context.req.valid("json");
    const { state, published, ...tested } = await service.testGates(url, cold ? undefined : visitor);
    return context.json(
      { ...(tested as z.output<typeof gateTest>), ...publishStateMembers({ state, published }) },
      200,
    );
  });

  api.openapi(routes.status, async (context) => {
    const { divergence, changedAt, changedMsAgo, redis, fault, ...where } = await service.status();
    const { head, pendingKills } = redis;
    return context.json(
      {
        ...publishStateMembers(where),
        changed_at: changedAt.toISOString(),
        changed_ms_ago: changedMsAgo,
        redis: head === undefined ? null : { epoch: head.epoch, revision: head.revision },
        // The publisher knows more of why than a look at Redis tells.
        fault:
          divergence === undefined ? (publisherStatus().fault ?? fault ?? null) : divergenceText(divergence),
        pending_kills: pendingKills === undefined ? null : [...pendingKills],
        diverged: divergence !== undefined,
        divergence:
          divergence === undefined
            ? null
            : { why: divergence.why, since: divergence.since.toISOString(), redis: divergence.redis },
      },
      200,
    );
  });
}

function answerOf(result: VersionedFlag & PublishState, context: HeaderContext) {
  setEntityTag(context, result.version);
  return { flag: shown(result.flag), ...publishStateMembers(result) };
}

/** What plain SQL broke is shown as it is: the schema says what a sound flag looks like. */
function shown(view: VersionedFlag["flag"]): z.output<typeof flag> {
  return view as z.output<typeof flag>;
}

/** The same, with arrays that the schema's types could write to. */
const toJson = (one: Explanation) => one as z.output<typeof explanation>;
