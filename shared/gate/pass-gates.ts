import { closingsOf, type Closing } from "./closings.ts";
import type { GateTable } from "./gate-table.ts";
import { type Otherwise, withPath, withPathKeepingQuery } from "./gate.ts";

/** What a visitor meets instead of the page. */
export type Closed = Exclude<Otherwise, { readonly rewrite: string }>;

/** A gate that spoke, and where the request was at that time. */
export interface GateStep extends Closing {
  readonly at: URL;
}

/** A request may go on, to this URL; or it may not. Beside it the gates that spoke, in turn. */
export type Passage = { readonly gates: readonly GateStep[] } & (
  | { readonly url: URL }
  | { readonly closed: Closed }
);

/** More steps than that from gate to gate are a circle that nobody meant. */
const MAX_REWRITES = 8;
const MAX_REDIRECTS = 8;

/** What ends a circle. */
const NOT_FOUND: Closed = { status: 404 };

const NOBODY: readonly GateStep[] = [];

/**
 * Leads a request past the gates. Of the gates whose flag is off, the first that matches decides; where it leads by a
 * rewrite, they are asked again, so that no gate opens what another one closes. A gate is not asked about the very page
 * that it leads to.
 *
 * @param isOn whether a flag is on for this visitor
 * @param url where the request goes; method and kind (page, upload, WebSocket) make no difference
 */
export function passGates(table: GateTable, isOn: (flag: string) => boolean, url: URL): Passage {
  const shut = table.filter(({ flag }) => flag === undefined || !isOn(flag));
  // Most sites have no gate, and most visitors of the others meet none.
  if (shut.length === 0) return { url, gates: NOBODY };
  const passage = follow(shut, url);
  return isCircle(shut, passage, url) ? { closed: NOT_FOUND, gates: passage.gates } : passage;
}

/** From rewrite to rewrite. */
function follow(shut: GateTable, url: URL): Passage {
  const gates: GateStep[] = [];
  let at = url;
  while (gates.length <= MAX_REWRITES) {
    const [closing] = closingsOf(shut, at);
    if (closing === undefined) return { url: at, gates };
    gates.push({ ...closing, at });
    const { otherwise } = closing.gate;
    if (closing.reading === undefined) return { closed: NOT_FOUND, gates };
    if (!("rewrite" in otherwise)) return { closed: otherwise, gates };
    at = withPathKeepingQuery(at, otherwise.rewrite);
  }
  return { closed: NOT_FOUND, gates };
}

/** Whether a redirect would lead from gate to gate without an end: a browser would show its own error page. */
function isCircle(shut: GateTable, first: Passage, url: URL): boolean {
  let passage = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    if (!("closed" in passage) || !("redirect" in passage.closed)) return false;
    passage = follow(shut, withPath(url, passage.closed.redirect));
  }
  return true;
}
