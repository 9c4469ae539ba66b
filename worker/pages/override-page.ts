import { OVERRIDE_PATH } from "../../shared/flag/override.ts";
import type { OverrideEffect } from "./override-effect.ts";
import { ownPage } from "./own-page.ts";

const TITLE = "Test overrides in this browser";

/** No frame around it: nobody is to press its buttons without seeing them. They lead to itself. */
const POLICY = ["form-action 'self'", "frame-ancestors 'none'"] as const;

/** Kept by nobody: the address may hold a token. */
export const OVERRIDE_HEADERS = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
} as const;

/** What an override forces in a browser, and until when, in milliseconds since the epoch. */
export interface ShownOverride {
  readonly effects: readonly OverrideEffect[];
  readonly endsAt: number;
}

/** What is in force, with a button that ends it. */
export function overridePage(shown: ShownOverride | undefined): Response {
  if (shown === undefined) return page(200, ["<p>None is in force.</p>"]);
  return page(200, [
    `<p>Forced until ${inWords(shown.endsAt)}:</p>`,
    toList(shown.effects),
    `<form method="post" action="${OVERRIDE_PATH}"><button>End it now</button></form>`,
  ]);
}

/** What a link would force, with a button that puts it into force: its form goes to the link itself. */
export function askingPage({ effects, endsAt }: ShownOverride): Response {
  return page(200, [
    `<p>A link on another page wants to force until ${inWords(endsAt)}:</p>`,
    toList(effects),
    "<p>Go on only if you were looking for that.</p>",
    '<form method="post"><button>Put it into force</button></form>',
  ]);
}

/** @param why for whoever opened a link; nothing of the token */
export function refusedPage(status: 400 | 403 | 404 | 405 | 410, why: string): Response {
  return page(status, [`<p>${why}</p>`]);
}

const page = (status: number, blocks: readonly string[]): Response =>
  ownPage({ status, title: TITLE, blocks, headers: OVERRIDE_HEADERS, policy: POLICY });

/** Keys and variants are of a form that needs no escaping. */
function toList(effects: readonly OverrideEffect[]): string {
  const items = effects.map(({ key, forced, against }) =>
    against === undefined
      ? `<li><code>${key}</code>: ${forced}</li>`
      : `<li><code>${key}</code>: ${forced}, but <strong>not in force</strong>: ${against}</li>`,
  );
  return `<ul>${items.join("")}</ul>`;
}

function inWords(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
