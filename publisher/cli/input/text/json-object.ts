import { isObject } from "../../../../shared/flag/members.ts";
import { CliError } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { EXIT } from "../../exit-code.ts";
import { parseJson, readJsonFile } from "./json-text.ts";

/** How an object is told from the name of a file: no file is called like that, and if it is, `./` helps. */
const JSON_START = /^\s*[[{"]/;

/**
 * Reads the value of an option that takes a JSON object: the object itself, the name of a file of it, with an `@` before
 * it or without, or `-` for standard input.
 *
 * @param example what such a value looks like
 */
export async function readJsonObject(
  cli: Cli,
  option: string,
  given: string,
  example: string,
): Promise<Readonly<Record<string, unknown>>> {
  const value = JSON_START.test(given)
    ? parseJson(given, { option, example })
    : await readJsonFile(cli, option, given.replace(/^@/, ""));
  if (isObject(value)) return value;
  throw new CliError(EXIT.usage, `${option} is no JSON object`, {
    mend: [`write it like ${example}, or name a file of it`],
  });
}
