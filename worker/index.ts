import { Hono } from "hono/tiny";
import { flags, type FlagsEnv } from "./flags.ts";
import type { Bindings } from "./isolate/bindings.ts";
import { toFault } from "./isolate/fault.ts";
import { proxy, toOriginUrl } from "./origin/proxy.ts";
import { errorAnswer } from "./pages/error-answer.ts";
import { runtimeOf } from "./runtime.ts";
import { STATUS_PATH, status } from "./status.ts";

const app = new Hono<FlagsEnv>();

app.get(STATUS_PATH, status());
app.use(flags({ destination: (request, env) => toOriginUrl(request, runtimeOf(env)) }));
app.all("*", (c) => proxy(c.req.raw, c.var.evaluation, runtimeOf(c.env)));

app.onError((error, { env, req }) => {
  runtimeOf(env).report(toFault(error));
  return errorAnswer(req.raw, 500, "Internal Server Error", "The request could not be passed on.");
});

export default { fetch: app.fetch } satisfies ExportedHandler<Bindings>;
