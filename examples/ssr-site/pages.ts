import type { Flags } from "../../shared/read-flags.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** The page that a visitor gets: with the AI feature or without it, as the flags say. */
export function searchPage(flags: Flags): string {
  return flags.isEnabled("ai_search")
    ? page("AI search", "ai", "<p>Ask anything: answers are written for you.</p>", flags)
    : page("Search", "classic", "<p>Type some words: pages that hold them are listed.</p>", flags);
}

function page(title: string, kind: "ai" | "classic", body: string, flags: Flags): string {
  const { context, enabled, problem } = flags;
  const rows: readonly (readonly [string, string])[] = [
    ["Flags that are on", enabled.join(", ") || "none"],
    ["You are", context?.targetingKey ?? "unknown"],
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
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color: #1c2430; }
  h1 { border-left: .5rem solid ${kind === "ai" ? "#6d3bd1" : "#8a94a3"}; padding-left: .75rem; }
  th { text-align: left; padding-right: 1.5rem; font-weight: 600; }
  td { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1 data-page="${kind}">${escape(title)}</h1>
${body}
<table>
${rows.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`).join("\n")}
</table>
</body>
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}
