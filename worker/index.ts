import { Hono } from "hono/tiny";
import type { Bindings } from "./env.ts";
import { toFault } from "./fault.ts";
import { flags, type FlagsEnv } from "./flags.ts";
import { problem } from "./problem.ts";
import { proxy, toOriginUrl } from "./proxy.ts";
import { runtimeOf } from "./runtime.ts";
import { STATUS_PATH, status } from "./status.ts";

const app = new Hono<FlagsEnv>();

app.get(STATUS_PATH, status());
app.use(flags({ destination: toOriginUrl }));
app.all("*", proxy());

app.onError((error, { env }) => {
  runtimeOf(env).report(toFault(error));
  return problem(500, "Internal Server Error", "The request could not be passed on.");
});

export default { fetch: app.fetch } satisfies ExportedHandler<Bindings>;
