import { Hono } from "hono/tiny";
import { addIdentityCookie } from "./cookie.ts";
import { decideAll } from "./decide.ts";
import type { Bindings } from "./env.ts";
import { Fault, toFault } from "./fault.ts";
import { toAllOffHeaders, toFlagHeaders } from "./flag-headers.ts";
import { identify } from "./identify.ts";
import { problem } from "./problem.ts";
import { proxy, toOriginUrl } from "./proxy.ts";
import { runtimeOf } from "./runtime.ts";
import { STATUS_PATH, toStatus } from "./status.ts";
import { strip } from "./strip.ts";

const app = new Hono<{ Bindings: Bindings }>();

// Under the same policy as a page: a status that never asked Redis would tell of an idle worker, not of the edge.
app.get(STATUS_PATH, async ({ env, executionCtx }) =>
  toStatus(await runtimeOf(env).read((work) => executionCtx.waitUntil(work))),
);

/** strip -> identify -> snapshot -> decide -> proxy -> cookie */
app.all("*", async ({ env, executionCtx, req: { raw: request } }) => {
  const { origin, read, contextSecret, maxStaleMs, report } = runtimeOf(env);
  if ("problems" in origin) {
    const detail = origin.problems.join("; ");
    report(new Fault("origin-missing", detail));
    return problem(500, "Sluice is not set up", detail);
  }
  const url = toOriginUrl(origin.value, request);
  const stripped = strip(request.headers);

  let minted: string | undefined;
  let flagHeaders = toAllOffHeaders({ method: request.method, url }, Date.now());
  try {
    const visitor = await identify(stripped, contextSecret, report);
    const reading = await read((work) => executionCtx.waitUntil(work));
    const decided = await decideAll(reading, visitor.context, maxStaleMs);
    flagHeaders = toFlagHeaders({ method: request.method, url }, visitor, reading, decided, Date.now());
    minted = visitor.minted;
  } catch (error) {
    // The flags' fault, not the visitor's: the page comes, with everything off.
    report(toFault(error));
  }

  const response = await proxy(origin.value, request, url, stripped.headers, flagHeaders, report);
  return addIdentityCookie(request, response, minted);
});

app.onError((error, { env }) => {
  runtimeOf(env).report(toFault(error));
  return problem(500, "Internal Server Error", "The request could not be passed on.");
});

export default { fetch: app.fetch } satisfies ExportedHandler<Bindings>;
