import { readEdgeUrls } from "../../config.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";

/** A worker whose status can be read. */
export interface Edge {
  /** The address to print. It never contains credentials. */
  readonly shownUrl: string;
  /** The address of its status; undefined when the given address is not valid. */
  readonly statusUrl: string | undefined;
}

const STATUS_PATH = "/.well-known/sluice";

/** The option of commands that ask workers. */
export const EDGE_OPTION = ["--edge <url>", "a worker, like https://www.example.com; repeatable"] as const;

/** `--edge a --edge b,c`. Not checked here: a wrong address must not stop a kill. */
export function collectEdges(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(",")];
}

/** The workers of --edge, or else of SLUICE_EDGE_URLS. */
export function findEdges(cli: Cli, named: readonly string[] | undefined): readonly Edge[] {
  const given = named ?? readEdgeUrls(cli.environment);
  return [...new Set(given.map((text) => text.trim()).filter((text) => text !== ""))].map(toEdge);
}

function toEdge(text: string): Edge {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { shownUrl: visible(text, 100), statusUrl: undefined };
  }
  // The status is at a fixed path, so the path of the given address is dropped.
  return { shownUrl: visible(url.origin, 100), statusUrl: `${url.origin}${STATUS_PATH}` };
}
