import { pathReadings } from "../../shared/gate/path-readings.ts";
import { pathsInQuery } from "../../shared/gate/side-doors.ts";
import type { BindingReader } from "../isolate/bindings.ts";

/** Paths whose answers are the same for everybody. */
export interface StaticPaths {
  readonly files: ReadonlySet<string>;
  /** With a slash at the end: everything below. */
  readonly folders: readonly string[];
}

const MAX_PATHS = 100;
const MAX_LENGTH = 256;

/** A path as it stands in a URL without escapes, or one and everything below it. `/*` would leave nothing to decide. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~@!$'()+=:-]+)+(?:\/\*)?$/;

/** STATIC_PATHS: files and folders, separated by commas, as `/assets/*,/favicon.ico`; undefined when there are none. */
export function readStaticPaths(read: BindingReader): StaticPaths | undefined {
  if (!read.has("STATIC_PATHS")) return undefined;
  const text = read.text(
    "STATIC_PATHS",
    `name at most ${MAX_PATHS} files and folders, separated by commas, as /assets/*,/favicon.ico; * is everything below a folder and can only end a path, and /* is not one`,
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
 * Whether a request is for something that is the same for everybody. What lies in a folder has to lie there in every
 * reading that an origin may have of the path: what may be another page, as `/assets/..%2faccount`, is no static one.
 */
export function isStatic(
  { files, folders }: StaticPaths,
  method: string,
  { pathname, search }: URL,
): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  if (search !== "" && pathsInQuery(search).length > 0) return false;
  // As it stands in the list, it can be read in one way only.
  if (files.has(pathname)) return true;
  const inFolder = (path: string): boolean =>
    folders.some((folder) => path.startsWith(folder) && path !== folder);
  // Asked first of the path as it came: most requests are for none of them.
  if (!inFolder(pathname)) return false;
  const { paths, isComplete } = pathReadings(pathname);
  return isComplete && paths.every(inFolder);
}
