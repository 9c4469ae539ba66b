import { isObject } from "../../../../shared/flag/members.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { findJsonFault } from "./json-fault.ts";
import { readText, type TextKind } from "./read-text.ts";

/** Deeper than anything that Sluice takes, and far from what a stack takes. */
const MAX_DEPTH = 64;

const JSON_FILE: TextKind = {
  what: "JSON",
  typed: "JSON",
  maxBytes: 1_048_576,
  tooLarge: { why: "Nothing that Sluice takes is as large.", mend: "check that this is the right file" },
};

/**
 * Reads the value of an option that takes JSON: the JSON itself, or a file of it as `@FILE`, or standard input as `@-`.
 *
 * @param example what such a value looks like
 */
export async function readJsonOption(
  cli: Cli,
  option: string,
  value: string,
  example: string,
): Promise<unknown> {
  if (value.startsWith("@")) return readJsonFile(cli, option, value.slice(1));
  return parseJson(value, { option, example });
}

/** Reads a file of JSON, or standard input for `-`. */
export async function readJsonFile(cli: Cli, option: string, file: string): Promise<unknown> {
  const { text, name } = await readText(cli, option, file, JSON_FILE);
  return parseJson(text, { option, name });
}

/** Where JSON comes from, for messages. */
export interface JsonSource {
  readonly option: string;
  /** Of the file; absent for JSON on the command line. */
  readonly name?: string;
  /** The line of the file on which it begins, when it is a part of one. */
  readonly firstLine?: number;
  readonly example?: string;
}

/**
 * Parses JSON, and says where it is none. What it holds is never repeated: it may be personal data, or a secret.
 *
 * @throws CliError
 */
export function parseJson(text: string, source: JsonSource): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notJson(text, source);
  }
  if (!isDeeper(value, MAX_DEPTH)) return value;
  const { option, name } = source;
  throw new CliError(
    EXIT.usage,
    `${option}: ${name ?? "its JSON"} is nested deeper than ${MAX_DEPTH} objects and lists`,
    { mend: ["Sluice takes conditions of at most 16, and contexts of at most 5"] },
  );
}

function notJson(text: string, { option, name, firstLine = 1, example }: JsonSource): CliError {
  const { line, column, isEnd } = findJsonFault(text);
  const at =
    name === undefined && line === 1 ? `column ${column}` : `line ${line + firstLine - 1}, column ${column}`;
  const what =
    name === undefined
      ? `${option} is not JSON from ${at} on`
      : `${option}: ${name} is not JSON from ${at} on`;
  return new CliError(EXIT.usage, what, {
    why: isEnd ? [text.trim() === "" ? "It is empty." : "It ends before it is complete."] : [],
    mend: [
      ...(name === undefined && /^\s*[{[]+\s*[A-Za-z_$]/.test(text) && !text.includes('"')
        ? ["the shell has taken its quotes: put single quotes around all of it"]
        : []),
      `write it like ${example ?? '{"name": "value"}'}`,
    ],
  });
}

/** By levels, not by recursion: what is looked for is what would overflow a stack. */
function isDeeper(value: unknown, levels: number): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= levels; depth++) {
    level = level.flatMap((item) =>
      typeof item === "object" && item !== null
        ? Object.values(item as Readonly<Record<string, unknown>>)
        : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

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
