import { readEdgeUrls } from "../../config.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";

/** A worker to be asked for what it holds. */
export interface Edge {
  /** For people; never holds credentials. */
  readonly shownUrl: string;
  /** Where its status is; undefined when what was given is no address for it. */
  readonly statusUrl: string | undefined;
}

const STATUS_PATH = "/.well-known/sluice";

/** Options of the commands that ask workers. */
export const EDGE_OPTION = [
  "--edge <url>",
  "a worker to ask, like https://www.example.com; repeatable",
] as const;

/** `--edge a --edge b,c`. Not judged here: in an emergency a wrong address must not keep the kill from going out. */
export function collectEdges(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(",")];
}

/** The workers that were named, or else those of SLUICE_EDGE_URLS. */
export function findEdges(cli: Cli, named: readonly string[] | undefined): readonly Edge[] {
  const given = named ?? readEdgeUrls(cli.environment);
  return [...new Set(given.map((text) => text.trim()).filter((text) => text !== ""))].map(toEdge);
}

function toEdge(text: string): Edge {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { shownUrl: visible(text, 100), statusUrl: undefined };
  }
  // What it says is public, and the page's path is not where it says it.
  return { shownUrl: visible(url.origin, 100), statusUrl: `${url.origin}${STATUS_PATH}` };
}
