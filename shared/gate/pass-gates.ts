import { closingsOf, type Closing } from "./closings.ts";
import type { GateTable } from "./gate-table.ts";
import { type Otherwise, withPath, withPathKeepingQuery } from "./gate.ts";

/** The answer to a blocked visitor: a redirect or an error page. */
export type Closed = Exclude<Otherwise, { readonly rewrite: string }>;

/** A gate that matched, and the URL at that point. */
export interface GateStep extends Closing {
  readonly at: URL;
}

/** Where the request may go, or how it was blocked, with every gate that matched, in order. */
export type Passage = { readonly gates: readonly GateStep[] } & (
  | { readonly url: URL }
  | { readonly closed: Closed }
);

/** More rewrites or redirects than this are a circle. */
const MAX_REWRITES = 8;
const MAX_REDIRECTS = 8;

/** The answer to a circle. */
const NOT_FOUND: Closed = { status: 404 };

const NOBODY: readonly GateStep[] = [];

/**
 * Checks a request against the gates. The first matching gate whose flag is off decides. After a rewrite all gates are
 * checked again, so that no gate opens a page that another gate closes. A gate never matches the page that it leads to.
 *
 * @param isOn whether a flag is on for this visitor
 * @param url the request's URL; its method and kind (page, upload, WebSocket) make no difference
 */
export function passGates(table: GateTable, isOn: (flag: string) => boolean, url: URL): Passage {
  const shut = table.filter(({ flag }) => flag === undefined || !isOn(flag));
  // The usual case: the site has no gates, or all their flags are on.
  if (shut.length === 0) return { url, gates: NOBODY };
  const passage = follow(shut, url);
  return isCircle(shut, passage, url) ? { closed: NOT_FOUND, gates: passage.gates } : passage;
}

/** Follows rewrites until no gate matches or a gate blocks. */
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

/** Whether redirects would lead from gate to gate without end. A browser would then show its own error page. */
function isCircle(shut: GateTable, first: Passage, url: URL): boolean {
  let passage = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    if (!("closed" in passage) || !("redirect" in passage.closed)) return false;
    passage = follow(shut, withPath(url, passage.closed.redirect));
  }
  return true;
}
