import type { GateTable } from "../../shared/gate/gate-table.ts";
import { passGates } from "../../shared/gate/pass-gates.ts";
import { pathReadings } from "../../shared/gate/path-readings.ts";
import { pathsInQuery } from "../../shared/gate/side-doors.ts";
import type { BindingReader } from "../isolate/bindings.ts";
import { toFault } from "../isolate/fault.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { isOnIn } from "./decide.ts";
import type { Evaluation, EvaluationParts } from "./evaluation.ts";

/** Paths whose answers are the same for everybody. */
export interface StaticPaths {
  readonly files: ReadonlySet<string>;
  /** With a slash at the end: everything below. */
  readonly folders: readonly string[];
}

/** What a static request needs, of the parts that all requests of an isolate share. */
export interface StaticParts extends Pick<EvaluationParts, "read" | "report"> {
  readonly staticPaths?: StaticPaths | undefined;
  /** The gates that are closed while there is no snapshot. */
  readonly deployed: GateTable;
}

const MAX_PATHS = 100;
const MAX_LENGTH = 256;

/** A path as written in a URL without escapes, or a folder and everything below it. `/*` would leave nothing to decide. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~@!$'()+=:-]+)+(?:\/\*)?$/;

/** Reads `STATIC_PATHS`: files and folders, separated by commas, such as `/assets/*,/favicon.ico`; undefined when not set. */
export function readStaticPaths(read: BindingReader): StaticPaths | undefined {
  if (!read.has("STATIC_PATHS")) return undefined;
  const text = read.text(
    "STATIC_PATHS",
    `list at most ${MAX_PATHS} files and folders, separated by commas, such as /assets/*,/favicon.ico; * means everything below a folder and must be last, and /* is not allowed`,
    (value) => {
      const paths = splitPaths(value);
      return paths.length <= MAX_PATHS && paths.every((path) => path.length <= MAX_LENGTH && PATH.test(path));
    },
  );
  const paths = splitPaths(text);
  return {
    files: new Set(paths.filter((path) => !path.endsWith("*"))),
    folders: paths.filter((path) => path.endsWith("*")).map((path) => path.slice(0, -1)),
  };
}

function splitPaths(text: string): readonly string[] {
  return text.split(",").map((path) => path.trim());
}

/**
 * A request whose answer is the same for everybody: nobody is identified and nothing is decided.
 *
 * @param target where the request goes
 * @returns undefined when the request has to be evaluated: also where a gate covers the path, open or closed, since the
 * answer then depends on a flag
 */
export async function evaluateStatic(
  received: Request,
  target: URL,
  { staticPaths, read, deployed, report }: StaticParts,
  waitUntil: WaitUntil,
): Promise<Evaluation | undefined> {
  if (staticPaths === undefined || !isStatic(staticPaths, received.method, target)) return undefined;
  try {
    const reading = await read(waitUntil);
    // With every flag off, every gate is closed: a path that passes unchanged has none.
    const passage = passGates(reading.cached?.gates ?? deployed, isOnIn(undefined), target);
    if (!("url" in passage) || passage.url.href !== target.href) return undefined;
    return { received, visitor: { context: {} }, reading, decided: undefined, isStatic: true };
  } catch (error) {
    report(toFault(error));
    return undefined;
  }
}

/**
 * Whether a request is for a static path. A path in a folder must stay in that folder however an origin reads it:
 * `/assets/..%2faccount` may be another page, so it is not static.
 */
export function isStatic(
  { files, folders }: StaticPaths,
  method: string,
  { pathname, search }: URL,
): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  if (search !== "" && pathsInQuery(search).length > 0) return false;
  // A path exactly as in the list has one reading.
  if (files.has(pathname)) return true;
  const inFolder = (path: string): boolean =>
    folders.some((folder) => path.startsWith(folder) && path !== folder);
  // The cheap check first: most requests are for none of the folders.
  if (!inFolder(pathname)) return false;
  const { paths, isComplete } = pathReadings(pathname);
  return isComplete && paths.every(inFolder);
}
