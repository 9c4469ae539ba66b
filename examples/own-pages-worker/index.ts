import { Hono } from "hono";
import { flags, type FlagsEnv } from "sluice/middleware";
import { STATUS_PATH, status } from "sluice/status";
import { answer, answerPage, searchPage } from "./pages.ts";

/** A worker that serves its own pages and decides by flags which: docs/middleware.md explains it line by line. */
const app = new Hono<FlagsEnv>();

app.get(STATUS_PATH, status());
app.use(flags({ rewrite: app.fetch }));

// One page in two shapes: the code asks.
app.get("/", (c) => c.html(searchPage(c.var.flags)));

// Pages of the feature alone: the flag's gate keeps everybody else out, and no code asks.
app.get("/ai", (c) => c.html(answerPage(c.req.query("q") ?? "")));
app.get("/ai/answer", (c) => {
  const events = answer(c.req.query("q") ?? "").pipeThrough(new TextEncoderStream());
  return c.body(events, 200, { "content-type": "text/event-stream" });
});

export default { fetch: app.fetch };
