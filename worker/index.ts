import { Hono } from "hono/tiny";
import type { Bindings } from "./env.ts";
import { errorAnswer } from "./pages/error-answer.ts";
import { toFault } from "./isolate/fault.ts";
import { flags, type FlagsEnv } from "./flags.ts";
import { proxy, toOriginUrl } from "./origin/proxy.ts";
import { runtimeOf } from "./runtime.ts";
import { STATUS_PATH, status } from "./pages/status.ts";

const app = new Hono<FlagsEnv>();

app.get(STATUS_PATH, status());
app.use(flags({ destination: toOriginUrl }));
app.all("*", proxy());

app.onError((error, { env, req }) => {
  runtimeOf(env).report(toFault(error));
  return errorAnswer(req.raw, 500, "Internal Server Error", "The request could not be passed on.");
});

export default { fetch: app.fetch } satisfies ExportedHandler<Bindings>;
