import type { Cli } from "../cli.ts";
import { readJsonObject } from "./text/json-text.ts";

/** A change of a flag, as a JSON merge patch. */
export type Draft = Readonly<Record<string, unknown>>;

const EXAMPLE = `'{"targeting": {"plans": ["pro"]}}'`;

/** Reads the value of `--draft`: JSON, a file name, or `-`. */
export function readDraft(cli: Cli, given: string): Promise<Draft> {
  return readJsonObject(cli, "--draft", given, EXAMPLE);
}
