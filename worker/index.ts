import { Hono } from "hono/tiny";
import { closedPage } from "./closed-page.ts";
import { addIdentityCookie } from "./cookie.ts";
import { decideAll, type Decided } from "./decide.ts";
import type { Bindings } from "./env.ts";
import { Fault, toFault } from "./fault.ts";
import { identify, type Visitor } from "./identify.ts";
import { passGates } from "./pass-gates.ts";
import { problem } from "./problem.ts";
import { proxy, toOriginUrl } from "./proxy.ts";
import { runtimeOf } from "./runtime.ts";
import type { Reading } from "./snapshot-reader.ts";
import { STATUS_PATH, toStatus } from "./status.ts";
import { strip } from "./strip.ts";
import { tellOrigin } from "./tell-origin.ts";

const app = new Hono<{ Bindings: Bindings }>();

// Under the same policy as a page: a status that never asked Redis would tell of an idle worker, not of the edge.
app.get(STATUS_PATH, async ({ env, executionCtx }) =>
  toStatus(await runtimeOf(env).read((work) => executionCtx.waitUntil(work))),
);

/** strip -> identify -> snapshot -> decide -> gate -> proxy -> cookie */
app.all("*", async ({ env, executionCtx, req: { raw: request } }) => {
  const { origin, read, contextSecret, signingKeys, maxStaleMs, deployed, report } = runtimeOf(env);
  if ("problems" in origin) {
    const detail = origin.problems.join("; ");
    report(new Fault("origin-missing", detail));
    return problem(500, "Sluice is not set up", detail);
  }
  const stripped = strip(request.headers);

  let visitor: Visitor = { context: {} };
  let reading: Reading = { source: "none" };
  let decided: Decided | undefined;
  try {
    visitor = await identify(stripped, contextSecret, report);
    reading = await read((work) => executionCtx.waitUntil(work));
    decided = await decideAll(reading, visitor.context, maxStaleMs);
  } catch (error) {
    // The flags' fault, not the visitor's: the page comes, unless a gate closes it, with everything off.
    report(toFault(error));
  }

  const passage = passGates(reading.held?.gates ?? deployed, decided, toOriginUrl(origin.value, request));
  if ("closed" in passage) {
    return addIdentityCookie(request, closedPage(request, passage.closed), visitor.minted);
  }
  const { url } = passage;
  const destination = { method: request.method, url };
  const telling = { destination, headers: stripped.headers, visitor, reading, decided };
  const flagHeaders = await tellOrigin(telling, signingKeys, report);
  const response = await proxy(origin.value, request, url, stripped.headers, flagHeaders, report);
  return addIdentityCookie(request, response, visitor.minted);
});

app.onError((error, { env }) => {
  runtimeOf(env).report(toFault(error));
  return problem(500, "Internal Server Error", "The request could not be passed on.");
});

export default { fetch: app.fetch } satisfies ExportedHandler<Bindings>;
