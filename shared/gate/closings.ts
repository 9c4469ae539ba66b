import type { GateTable, ReadyGate } from "./gate-table.ts";
import { targetOf, withPath, type Otherwise } from "./gate.ts";
import { pathReadings } from "./path-readings.ts";
import { pathsInQuery } from "./side-doors.ts";

/** A gate that matches a request. */
export interface Closing {
  readonly gate: ReadyGate;
  /** The reading of the path that matched. Undefined when the path has too many readings: then every gate matches. */
  readonly reading: string | undefined;
}

/** The gates that match a page, in order. A gate never matches the page that it rewrites or redirects to. */
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

/** Replaces dot segments, because URLPattern would resolve them and change the depth of the path. */
function nameDots(path: string): string {
  return path.replace(/(?<=\/|^)\.{1,2}(?=\/|$)/g, "_");
}

/** Whether this is the page that a gate leads to. Matching it would send the visitor there again without end. */
function leadsTo(otherwise: Otherwise, pathname: string): boolean {
  const target = targetOf(otherwise);
  return target !== undefined && withPath(SITE, target).pathname === pathname;
}

/** Any site, for code that only looks at paths. */
export const SITE = new URL("https://site.invalid");
