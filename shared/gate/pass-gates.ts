import type { GateTable, ReadyGate } from "./gate-table.ts";
import type { Otherwise } from "./gate.ts";
import { pathReadings } from "./path-readings.ts";
import { pathsInQuery, withoutPaths } from "./side-doors.ts";

/** What a visitor meets instead of the page. */
export type Closed = Exclude<Otherwise, { readonly rewrite: string }>;

/** A gate that turned a request away. */
export interface Closing {
  readonly gate: ReadyGate;
  /** What the path was taken for; undefined when it can be read in more ways than can be told, so that any gate closes it. */
  readonly reading: string | undefined;
}

/** A request may go on, to this URL; or it may not. Beside it the gates that spoke, in turn. */
export type Passage = { readonly gates: readonly Closing[] } & (
  | { readonly url: URL }
  | { readonly closed: Closed }
);

/** More steps than that from gate to gate are a circle that nobody meant. */
const MAX_REWRITES = 8;
const MAX_REDIRECTS = 8;

/** What ends a circle. */
const NOT_FOUND: Closed = { status: 404 };

const NOBODY: readonly Closing[] = [];

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
  const gates: Closing[] = [];
  let at = url;
  while (gates.length <= MAX_REWRITES) {
    const closing = findClosing(shut, at);
    if (closing === undefined) return { url: at, gates };
    gates.push(closing);
    const { otherwise } = closing.gate;
    if (closing.reading === undefined) return { closed: NOT_FOUND, gates };
    if (!("rewrite" in otherwise)) return { closed: otherwise, gates };
    at = rewritten(at, otherwise.rewrite);
  }
  return { closed: NOT_FOUND, gates };
}

/** Whether a redirect would lead from gate to gate without an end: a browser would show its own error page. */
function isCircle(shut: GateTable, first: Passage, url: URL): boolean {
  let passage = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    if (!("closed" in passage) || !("redirect" in passage.closed)) return false;
    passage = follow(shut, withoutQuery(url, passage.closed.redirect));
  }
  return true;
}

function findClosing(shut: GateTable, { pathname, search }: URL): Closing | undefined {
  const own = pathReadings(pathname);
  const named = search === "" ? [] : pathsInQuery(search).map(pathReadings);
  const [first] = shut;
  if (first !== undefined && ![own, ...named].every(({ isComplete }) => isComplete)) {
    return { gate: first, reading: undefined };
  }
  const ownPaths = own.paths.map(readied);
  const namedPaths = named.flatMap(({ paths }) => paths.map(readied));
  for (const gate of shut) {
    const paths = leadsTo(gate.otherwise, pathname) ? namedPaths : [...ownPaths, ...namedPaths];
    const reading = paths.find((path) => matches(gate, path));
    if (reading !== undefined) return { gate, reading: reading.path };
  }
  return undefined;
}

interface ReadiedPath {
  readonly path: string;
  readonly folded: string;
}

const readied = (path: string): ReadiedPath => ({ path, folded: path.toLowerCase() });

function matches({ prefix, spellings }: ReadyGate, { path, folded }: ReadiedPath): boolean {
  if (!folded.startsWith(prefix)) return false;
  const pathname = nameDots(path);
  return spellings.some((pattern) => pattern.test({ pathname }));
}

/** A URLPattern would resolve them by itself: this keeps the path as deep as it is written. */
function nameDots(path: string): string {
  return path.replace(/(?<=\/|^)\.{1,2}(?=\/|$)/g, "_");
}

/** Whether this is the page that a gate leads to: whoever was sent there must not be sent there again. */
function leadsTo(otherwise: Otherwise, pathname: string): boolean {
  const target =
    "rewrite" in otherwise
      ? otherwise.rewrite
      : "redirect" in otherwise
        ? otherwise.redirect
        : otherwise.page;
  return target !== undefined && withoutQuery(new URL("https://site.invalid"), target).pathname === pathname;
}

/** The same URL with another path; its query stays, behind one that the new path brings along. */
export function rewritten(from: URL, path: string): URL {
  const target = withoutQuery(from, path);
  target.search = [target.search.slice(1), withoutPaths(from.search)].filter((part) => part !== "").join("&");
  return target;
}

/** The same site, another path. */
function withoutQuery(from: URL, path: string): URL {
  const target = new URL(from);
  const [, pathname = "/", query = ""] = /^([^?#]*)\??([^#]*)/.exec(path) ?? [];
  target.pathname = pathname;
  target.search = query;
  return target;
}
