import { isObject } from "../../../shared/members.ts";
import { CliError } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { readJsonFile } from "./json-text.ts";

/** What is to change of a flag, as a JSON merge patch. */
export type Draft = Readonly<Record<string, unknown>>;

/** Reads the file that `--draft` names, or standard input for `-`. */
export async function readDraft(cli: Cli, file: string): Promise<Draft> {
  const draft = await readJsonFile(cli, "--draft", file);
  if (isObject(draft)) return draft;
  throw new CliError(EXIT.usage, "--draft is no JSON object", {
    mend: ['write what is to change, like {"targeting": {"plans": ["pro"]}}'],
  });
}
