import type { OpenAPIHono, z } from "@hono/zod-openapi";
import { ACTOR } from "./answer-parts.ts";
import { overrideRoutes as routes } from "./override-routes.ts";
import type { signedOverride } from "../schema/override-schema.ts";
import type { OverrideService } from "../service/override-service.ts";
import { OVERRIDE_PATH } from "../../shared/flag/override.ts";

/** Joins the route of overrides to what it does. */
export function addOverrideHandlers(api: OpenAPIHono, service: OverrideService): void {
  api.openapi(routes.signOverride, async (context) => {
    const { flags, expires_in } = context.req.valid("json");
    const { id, token, endsAt, effects, edgeFault } = await service.sign(ACTOR, flags, expires_in);
    const answer: z.output<typeof signedOverride> = {
      id,
      token,
      path: `${OVERRIDE_PATH}?token=${token}`,
      ends_at: endsAt.toISOString(),
      ...(edgeFault !== undefined && { edge_fault: edgeFault }),
      flags: effects.map(({ key, forced, inForce, detail }) => ({
        flag_key: key,
        forced,
        in_force: inForce,
        ...(detail !== undefined && { detail }),
      })),
    };
    return context.json(answer, 200);
  });
}
