import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Exposure } from "../../../shared/x-flags/exposure.ts";
import { flags, type FlagsEnv } from "../../../worker/flags.ts";
import { STATUS_PATH, status } from "../../../worker/status.ts";

/** Bindings under names of the application's own. */
interface Env {
  readonly FLAGS_ENV: string;
  readonly FLAGS_URL: string;
  readonly FLAGS_TOKEN: string;
  readonly FLAGS_CONTEXT_SECRET: string;
}

const bindings = (env: Env) => ({
  SLUICE_ENV: env.FLAGS_ENV,
  UPSTASH_REDIS_REST_URL: env.FLAGS_URL,
  UPSTASH_REDIS_REST_TOKEN: env.FLAGS_TOKEN,
  CONTEXT_SECRET: env.FLAGS_CONTEXT_SECRET,
  REDIS_TIMEOUT_MS: "5000",
});

type OwnEnv = FlagsEnv<Env>;

const app = new Hono<OwnEnv>();

// What stands before the middleware, and may have been through with the request already.
app.use("/read-before/*", async (c, next) => {
  await c.req.json();
  await next();
});
app.use("/header-before/*", async (c, next) => {
  c.header("x-before", "yes");
  await next();
  c.header("x-after", "yes");
});
app.use("/replaced/*", async (c, next) => {
  c.req.raw = new Request(c.req.raw);
  await next();
});

app.get(STATUS_PATH, status({ bindings }));

/** What `onExposure` heard of a request. */
const exposures = new WeakMap<Request, Exposure[]>();
const onExposure = (exposure: Exposure, { req }: Context<OwnEnv>): unknown => {
  exposures.set(req.raw, [...(exposures.get(req.raw) ?? []), exposure]);
  return req.path.startsWith("/deaf/") ? Promise.reject(new Error("no warehouse")) : undefined;
};

app.use(flags({ bindings, rewrite: app.fetch, onExposure }));
// A second time, as an application within an application would.
app.use("/twice/*", flags({ bindings, rewrite: app.fetch }));

/** What a handler finds. */
async function tell(c: Context<OwnEnv>) {
  const { flags } = c.var;
  const { raw } = c.req;
  return c.json({
    page: c.req.path,
    url: raw.url,
    method: raw.method,
    body: raw.body === null ? null : await c.req.text(),
    headers: Object.fromEntries(raw.headers),
    country: raw.cf?.country ?? null,
    enabled: flags.enabled,
    copilot: { ...flags.details("copilot"), value: flags.value("copilot") },
    unheard: flags.isEnabled("unheard"),
    unknown: flags.details("no_such_flag"),
    problem: flags.problem ?? null,
    context: flags.context,
    again: flags.isEnabled("copilot"),
    exposures: exposures.get(raw),
  });
}

app.get("/throws/*", () => {
  throw new Error("not for visitors");
});
app.get("/throws-http/*", () => {
  throw new HTTPException(418, { message: "a teapot" });
});
app.get("/page", (c) =>
  c.html("<p>hello", 200, { "set-cookie": "a=1", "cache-control": "public, max-age=60" }),
);
app.get("/forgotten", () => undefined as never);
app.get("/frozen", () => Response.redirect("https://www.example.com/elsewhere", 302));
app.get("/change-value", (c) => {
  const value = c.var.flags.value("copilot") as { model: string };
  value.model = "changed";
  return c.json(c.var.flags.value("copilot"));
});
app.get("/events/*", (c) => {
  const { readable, writable } = new TransformStream<Uint8Array>();
  const release = c.req.query("release") ?? "";
  const writer = writable.getWriter();
  const write = (text: string) => writer.write(new TextEncoder().encode(text));
  const run = async () => {
    await write("data: first\n\n");
    // The second is sent only once the reader of the first says so: buffered, this would never end.
    await fetch(release);
    await write("data: last\n\n");
    await writer.close();
  };
  c.executionCtx.waitUntil(run());
  return c.body(readable, 200, { "content-type": "text/event-stream" });
});
app.get("/socket/*", (c) => {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.addEventListener("message", ({ data }) => server.send(`${c.req.path}: ${String(data)}`));
  return new Response(null, { status: 101, webSocket: client });
});
app.all("/nothing/*", (c) => c.notFound());
app.all("*", (c) => tell(c));

app.onError((error, c) =>
  error instanceof HTTPException ? error.getResponse() : c.html("<p>Something went wrong.", 500),
);

export default { fetch: app.fetch };
