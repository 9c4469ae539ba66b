import { isObject } from "../../../../shared/flag/members.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { findJsonFault } from "./json-fault.ts";
import { readText, type TextKind } from "./read-text.ts";

/** Deeper than anything that Sluice accepts, but no danger for the stack. */
const MAX_DEPTH = 64;

const JSON_FILE: TextKind = {
  what: "JSON",
  typed: "JSON",
  maxBytes: 1_048_576,
  tooLarge: { why: "Sluice accepts no JSON of this size.", fix: "check that this is the right file" },
};

/**
 * Reads the JSON value of an option: JSON, a file as `@FILE`, or standard input as `@-`.
 *
 * @param example a valid value, for error texts
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

/** The source of a JSON text, for error texts. */
export interface JsonSource {
  readonly option: string;
  /** The file name; absent for JSON on the command line. */
  readonly name?: string;
  /** The first line within the file; 1 for a whole file. */
  readonly firstLine?: number;
  readonly example?: string;
}

/**
 * Parses JSON. An error shows the position but never the content, which may be personal data or a secret.
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
    { fix: ["Sluice accepts at most 16 levels in conditions and 5 in contexts"] },
  );
}

function notJson(text: string, { option, name, firstLine = 1, example }: JsonSource): CliError {
  const { line, column, isEnd } = findJsonFault(text);
  const at =
    name === undefined && line === 1 ? `column ${column}` : `line ${line + firstLine - 1}, column ${column}`;
  const what =
    name === undefined ? `${option} is not JSON at ${at}` : `${option}: ${name} is not JSON at ${at}`;
  return new CliError(EXIT.usage, what, {
    why: isEnd ? [text.trim() === "" ? "It is empty." : "It ends too early."] : [],
    fix: [
      ...(name === undefined && /^\s*[{[]+\s*[A-Za-z_$]/.test(text) && !text.includes('"')
        ? ["the shell removed the quotes: put the whole value in single quotes"]
        : []),
      `write it like ${example ?? '{"name": "value"}'}`,
    ],
  });
}

/** Without recursion, because deep nesting would overflow the stack. */
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

/** Distinguishes JSON from a file name. A file with such a name needs `./` before it. */
const JSON_START = /^\s*[[{"]/;

/**
 * Reads the JSON object of an option: the object, a file name with or without `@`, or `-` for standard input.
 *
 * @param example a valid value, for error texts
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
  throw new CliError(EXIT.usage, `${option} is not a JSON object`, {
    fix: [`write it like ${example}, or name a file`],
  });
}
