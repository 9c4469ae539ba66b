import { html } from "hono/html";
import type { Flags } from "sluice/read-flags";

/** A document; `html` escapes its values. */
type Page = ReturnType<typeof html>;

/** The search page: with the AI feature if it is on, else with a list of pages. */
export function searchPage(flags: Flags): Page {
  return flags.isEnabled("ai_search")
    ? page("AI search", html`<form action="/ai"><input name="q" placeholder="Ask anything" /></form>`)
    : page("Search", html`<form action="/"><input name="q" placeholder="Some words" /></form>`);
}

/** The page that shows an answer. */
export function answerPage(question: string): Page {
  return page(
    "AI search",
    html`<p>You asked: ${question}</p>
      <p id="answer"></p>
      <script>
        const events = new EventSource("/ai/answer" + location.search);
        events.onmessage = ({ data }) => document.querySelector("#answer").append(data, " ");
        events.addEventListener("end", () => events.close());
      </script>`,
  );
}

/** The answer of a model, word by word, as server-sent events. */
export function answer(question: string): ReadableStream<string> {
  const words = `${question.split(/\s+/, 20).length} words were asked and this is the answer.`.split(" ");
  return new ReadableStream({
    pull(controller) {
      const word = words.shift();
      controller.enqueue(word === undefined ? "event: end\ndata: \n\n" : `data: ${word}\n\n`);
      if (word === undefined) controller.close();
    },
  });
}

function page(title: string, body: Page): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title}</title>
      </head>
      <body>
        <h1>${title}</h1>
        ${body}
      </body>
    </html>`;
}
