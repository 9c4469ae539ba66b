import type { GateTable, ReadyGate } from "./gate-table.ts";
import { targetOf, withPath, type Otherwise } from "./gate.ts";
import { pathReadings } from "./path-readings.ts";
import { pathsInQuery } from "./side-doors.ts";

/** A gate that a request meets. */
export interface Closing {
  readonly gate: ReadyGate;
  /** What the path was taken for; undefined when it can be read in more ways than can be told, so that any gate closes it. */
  readonly reading: string | undefined;
}

/** The gates that are for a page, in their order. A gate is not asked about the very page that it leads to. */
export function* closingsOf(gates: GateTable, { pathname, search }: URL): Generator<Closing, void> {
  const own = pathReadings(pathname);
  const named = search === "" ? [] : pathsInQuery(search).map(pathReadings);
  if (![own, ...named].every(({ isComplete }) => isComplete)) {
    yield* gates.map((gate) => ({ gate, reading: undefined }));
    return;
  }
  const namedPaths = named.flatMap(({ paths }) => paths.map(readied));
  const paths = [...own.paths.map(readied), ...namedPaths];
  for (const gate of gates) {
    const asked = leadsTo(gate.otherwise, pathname) ? namedPaths : paths;
    const reading = asked.find((path) => matches(gate, path));
    if (reading !== undefined) yield { gate, reading: reading.path };
  }
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
  const target = targetOf(otherwise);
  return target !== undefined && withPath(SITE, target).pathname === pathname;
}

/** Any: a path is read as the part of a URL. */
const SITE = new URL("https://site.invalid");
