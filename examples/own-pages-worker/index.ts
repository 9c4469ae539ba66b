import { Hono } from "hono";
import { flags, type FlagsEnv } from "sluice/middleware";
import { STATUS_PATH, status } from "sluice/status";
import { answer, answerPage, searchPage } from "./pages.ts";

/** A worker that serves its own pages and chooses them by flags: docs/middleware.md explains each line. */
const app = new Hono<FlagsEnv>();

app.get(STATUS_PATH, status());
app.use(flags({ rewrite: app.fetch }));

// One page in two versions: the code asks for the flag.
app.get("/", (c) => c.html(searchPage(c.var.flags)));

// Pages of the feature: the flag's gate blocks all other users, without code.
app.get("/ai", (c) => c.html(answerPage(c.req.query("q") ?? "")));
app.get("/ai/answer", (c) => {
  const events = answer(c.req.query("q") ?? "").pipeThrough(new TextEncoderStream());
  return c.body(events, 200, { "content-type": "text/event-stream" });
});

export default { fetch: app.fetch };
