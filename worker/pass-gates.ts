import { decisionOf } from "../shared/evaluate.ts";
import type { Decided } from "./decide.ts";
import { toPathForms } from "./gate-path.ts";
import type { GateTable, ReadyGate } from "./gate-table.ts";
import type { Otherwise } from "./gate.ts";

/** What a visitor meets instead of the page, without the origin being asked. */
export type Closed = Exclude<Otherwise, { readonly rewrite: string }>;

/** A request may go on, to this URL; or it may not. */
export type Passage = { readonly url: URL } | { readonly closed: Closed };

/** More rewrites than that from gate to gate are a circle that nobody meant. */
const MAX_REWRITES = 8;

/**
 * Leads a request past the gates. Of the gates whose flag is off, the first that matches decides; where it leads by a
 * rewrite, the others are asked again, so that no gate opens what another one closes.
 *
 * @param decided what is on for this visitor; undefined is nothing, as is a flag that is not in it
 * @param url where the request goes; method and kind (page, upload, WebSocket) make no difference
 */
export function passGates(
  table: GateTable,
  decided: Pick<Decided, "compiled" | "decisions"> | undefined,
  url: URL,
): Passage {
  const shut = table.filter(({ flag }) => !isOn(decided, flag)).flatMap(({ gates }) => gates);
  // Most sites have no gate, and most visitors of the others meet none.
  if (shut.length === 0) return { url };
  const passed = new Set<ReadyGate>();
  let at = url;
  while (passed.size <= MAX_REWRITES) {
    const gate = findGate(shut, passed, at);
    if (gate === undefined) return { url: at };
    if (!("rewrite" in gate.otherwise)) return { closed: gate.otherwise };
    passed.add(gate);
    at = rewrite(at, gate.otherwise.rewrite);
  }
  return { closed: { status: 404 } };
}

function isOn(decided: Parameters<typeof passGates>[1], flag: string | undefined): boolean {
  if (decided === undefined || flag === undefined) return false;
  return decisionOf(decided.compiled, decided.decisions, flag).value;
}

function findGate(
  shut: readonly ReadyGate[],
  passed: ReadonlySet<ReadyGate>,
  { pathname }: URL,
): ReadyGate | undefined {
  const forms = toPathForms(pathname).map((path) => ({ path, folded: path.toLowerCase() }));
  return shut.find(
    (gate) =>
      !passed.has(gate) &&
      forms.some(({ path, folded }) => folded.startsWith(gate.prefix) && matches(gate, path)) &&
      // Whoever was sent there by this gate must not be sent there again.
      !leadsTo(gate.otherwise, pathname),
  );
}

function matches({ patterns }: ReadyGate, pathname: string): boolean {
  return patterns.some((pattern) => pattern.test({ pathname }));
}

function leadsTo(otherwise: Otherwise, pathname: string): boolean {
  return (
    "redirect" in otherwise &&
    rewrite(new URL("https://site.invalid"), otherwise.redirect).pathname === pathname
  );
}

/** The same URL with another path; its query stays, behind one that the new path brings along. */
function rewrite(from: URL, path: string): URL {
  const target = new URL(from);
  const [, pathname = "/", query = ""] = /^([^?#]*)\??([^#]*)/.exec(path) ?? [];
  target.pathname = pathname;
  target.search = [query, from.search.slice(1)].filter((part) => part !== "").join("&");
  return target;
}
