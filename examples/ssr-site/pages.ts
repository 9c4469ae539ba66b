import type { Flags } from "sluice/read-flags";
import { findDocuments } from "./documents.ts";

/** Whether a page has the AI feature. */
export type Kind = "ai" | "classic";

/** A page of the site, before it is put into HTML or JSON. */
export interface Page {
  readonly kind: Kind;
  /** The site's path of the page; behind a gate that rewrites, the address bar shows another. */
  readonly path: string;
  readonly title: string;
  readonly body: string;
}

/** The home page: the flag decides whether its search box uses AI. A flag may change only a part of a page. */
export function homePage(flags: Flags): Page {
  return flags.isEnabled("ai_search")
    ? {
        kind: "ai",
        path: "/",
        title: "AI search",
        body: `<p>Ask anything: answers are written for you.</p>\n${form("/ai/answers", "Ask anything", "", "Ask")}`,
      }
    : {
        kind: "classic",
        path: "/",
        title: "Search",
        body: `<p>Type some words to list the pages that contain them.</p>\n${form("/search", "Some words", "", "Search")}`,
      };
}

/** The AI page. It asks for no flag, because a gate protects it. */
export function answersPage(question: string): Page {
  const answer =
    question === ""
      ? ""
      : `<p id="answer" aria-live="polite"></p>
<script>
  const events = new EventSource("/ai/stream?q=" + encodeURIComponent(${quoted(question)}));
  events.onmessage = ({ data }) => document.querySelector("#answer").append(data, " ");
  events.addEventListener("end", () => events.close());
</script>`;
  return {
    kind: "ai",
    path: "/ai/answers",
    title: "AI answers",
    body: `${form("/ai/answers", "Ask anything", question, "Ask")}\n${answer}`,
  };
}

/** The page for users without AI. */
export function searchPage(words: string): Page {
  const found = findDocuments(words);
  const list = found.map(
    ({ title, text }) => `<li><strong>${escape(title)}</strong><br>${escape(text)}</li>`,
  );
  const results =
    words === ""
      ? ""
      : found.length === 0
        ? "<p>No page contains these words.</p>"
        : `<ol>${list.join("")}</ol>`;
  return {
    kind: "classic",
    path: "/search",
    title: "Search",
    body: `${form("/search", "Some words", words, "Search")}\n${results}`,
  };
}

/** A page as HTML, with the flags that the site received. */
export function toHtml({ kind, path, title, body }: Page, flags: Flags): string {
  const { context, enabled, problem } = flags;
  const rows: readonly (readonly [string, string])[] = [
    ["Flags that are on", enabled.join(", ") || "none"],
    ["You are", context?.targetingKey ?? "unknown"],
    ["Page of the site", path],
    ["Revision", context?.version === undefined ? "none" : String(context.version.revision)],
    ["Age of the snapshot", context?.ageMs === undefined ? "unknown" : `${context.ageMs} ms`],
    ...(problem === undefined ? [] : ([["Problem", problem]] as const)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem; color: #1c2430; }
  nav { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; margin-bottom: 2.5rem; }
  nav a { color: #4a2aa0; }
  h1 { border-left: .5rem solid ${kind === "ai" ? "#6d3bd1" : "#8a94a3"}; padding-left: .75rem; line-height: 1.2; }
  form { display: flex; gap: .5rem; }
  input { flex: 1; min-width: 0; }
  input, button { font: inherit; padding: .4rem .6rem; border: 1px solid #6b7482; border-radius: .3rem; }
  button { background: #1c2430; color: #fff; }
  table { margin-top: 2.5rem; border-collapse: collapse; font-size: .9rem; }
  th { text-align: left; vertical-align: top; padding: .15rem 1.5rem .15rem 0; font-weight: 600; white-space: nowrap; }
  td { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  #answer { background: #f3effc; padding: .75rem 1rem; border-radius: .3rem; min-height: 1.5rem; }
</style>
</head>
<body>
<nav><a href="/">Home</a> <a href="/ai/answers">AI answers</a> <a href="/search">Search</a></nav>
<main>
<h1 data-page="${kind}">${escape(title)}</h1>
${body}
</main>
<table>
${rows.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`).join("\n")}
</table>
</body>
</html>
`;
}

function form(action: string, label: string, value: string, button: string): string {
  return `<form action="${action}"><input name="q" aria-label="${label}" placeholder="${label}" value="${escape(value)}"><button>${button}</button></form>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

/** A text as a literal in a script of a page. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
