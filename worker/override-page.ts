import { OVERRIDE_PATH } from "../shared/override.ts";
import type { OverrideEffect } from "./override-effect.ts";

const TITLE = "Test overrides in this browser";

/** No script, no frame around it, nothing loaded; its one form goes to itself. */
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Kept by nobody: the address may hold a token. */
export const OVERRIDE_HEADERS = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
} as const;

/** What an override forces in a browser, and until when, in milliseconds since the epoch. */
interface Shown {
  readonly effects: readonly OverrideEffect[];
  readonly endsAt: number;
}

/** What is in force, with a button that ends it. */
export function overridePage(shown: Shown | undefined): Response {
  if (shown === undefined) return page(200, ["None is in force."]);
  // Keys and variants are of a form that needs no escaping.
  const items = shown.effects.map(({ key, forced, against }) =>
    against === undefined
      ? `<li><code>${key}</code>: ${forced}</li>`
      : `<li><code>${key}</code>: ${forced}, but <strong>not in force</strong>: ${against}</li>`,
  );
  return page(200, [
    `Forced until ${inWords(shown.endsAt)}:`,
    `<ul>${items.join("")}</ul>`,
    `<form method="post" action="${OVERRIDE_PATH}"><button>End it now</button></form>`,
  ]);
}

/** @param why for whoever opened a link; nothing of the token */
export function refusedPage(status: 400 | 403 | 404 | 405 | 410, why: string): Response {
  return page(status, [why]);
}

function page(status: number, blocks: readonly string[]): Response {
  const body = blocks.map((block) => (block.startsWith("<") ? block : `<p>${block}</p>`)).join("\n");
  return new Response(
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${TITLE}</title>
<h1>${TITLE}</h1>
${body}
</html>
`,
    {
      status,
      headers: {
        ...OVERRIDE_HEADERS,
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
      },
    },
  );
}

function inWords(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
