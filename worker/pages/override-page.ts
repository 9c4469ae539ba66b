import { decisionOf } from "../../shared/evaluate/evaluate.ts";
import { OVERRIDE_PATH, type Overrides } from "../../shared/flag/override.ts";
import type { DecidingRule } from "../../shared/flag/reason.ts";
import type { Evaluation } from "../decide/evaluation.ts";
import { ownPage } from "./own-page.ts";

const TITLE = "Test overrides in this browser";

/** No frame around it: a click must not press a hidden button. Its forms may only be sent to this site. */
const POLICY = ["form-action 'self'", "frame-ancestors 'none'"] as const;

/** Nobody may store it: the address may contain a token. */
export const OVERRIDE_HEADERS = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
} as const;

/** The variant that an override asks for, and why the flag does not follow it; undefined when it does. */
export interface OverrideEffect {
  readonly key: string;
  readonly forced: string;
  readonly obstacle: string | undefined;
}

/** What an override forces in a browser, and until when, in milliseconds since the epoch. */
export interface ShownOverride {
  readonly effects: readonly OverrideEffect[];
  readonly endsAt: number;
}

/** The active override, with a button that ends it. */
export function overridePage(shown: ShownOverride | undefined): Response {
  if (shown === undefined) return page(200, ["<p>No override is active.</p>"]);
  return page(200, [
    `<p>Active until ${formatTime(shown.endsAt)}:</p>`,
    toList(shown.effects),
    `<form method="post" action="${OVERRIDE_PATH}"><button>End it now</button></form>`,
  ]);
}

/** The override of a link, with a button that activates it: the form is sent to the link itself. */
export function askingPage({ effects, endsAt }: ShownOverride): Response {
  return page(200, [
    `<p>A link on another page wants to activate this override until ${formatTime(endsAt)}:</p>`,
    toList(effects),
    "<p>Continue only if you expected this.</p>",
    '<form method="post"><button>Activate it</button></form>',
  ]);
}

/** @param why shown to the visitor: it must quote nothing of the token */
export function refusedPage(status: 400 | 403 | 404 | 405 | 410, why: string): Response {
  return page(status, [`<p>${why}</p>`]);
}

const page = (status: number, blocks: readonly string[]): Response =>
  ownPage({ status, title: TITLE, blocks, headers: OVERRIDE_HEADERS, policy: POLICY });

/** Keys and variants have a form that needs no escaping. */
function toList(effects: readonly OverrideEffect[]): string {
  const items = effects.map(({ key, forced, obstacle }) =>
    obstacle === undefined
      ? `<li><code>${key}</code>: ${forced}</li>`
      : `<li><code>${key}</code>: ${forced}, but <strong>not active</strong>: ${obstacle}</li>`,
  );
  return `<ul>${items.join("")}</ul>`;
}

function formatTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** By the step that decided instead of the override. */
const OBSTACLES: { readonly [rule in DecidingRule]?: string } = {
  off: "it was killed",
  fail_mode: "the flags are too old",
  enabled: "its kill switch is off",
  requires: "a flag that it needs is off here",
  variants: "its variant depends on an attribute that you do not have",
};

/** The effect of an override for one visitor, flag by flag. */
export function effectsOf(
  overrides: Overrides,
  { decided, reading }: Pick<Evaluation, "decided" | "reading">,
): readonly OverrideEffect[] {
  return [...overrides].map(([key, forced]) => ({ key, forced, obstacle: obstacleOf(key) }));

  function obstacleOf(key: string): string | undefined {
    if (decided === undefined || reading.cached === undefined) return "there are no flags at the moment";
    const { rule, errorCode } = decisionOf(decided.compiled, decided.decisions, key);
    if (rule === "override") return undefined;
    if (errorCode === "FLAG_NOT_FOUND") return "there is no such flag";
    if (rule === undefined) return "it is not valid";
    return OBSTACLES[rule] ?? "it has no such variant";
  }
}
