import { parseContext } from "../../../shared/flag/context.ts";
import { isObject } from "../../../shared/flag/members.ts";
import { CliError, EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";
import { type Context, parseAttribute, pathProblem, withAttributes } from "./attribute.ts";
import { parseIdLines } from "./ids-file.ts";
import { parseCsv } from "./text/csv.ts";
import { parseJson } from "./text/json-text.ts";
import { type NamedText, readText, type TextKind } from "./text/read-text.ts";

/** As many contexts as the API previews for at once. */
export const MAX_SAMPLE = 10_000;

const SAMPLE: TextKind = {
  what: "contexts",
  typed: "contexts as JSON, JSON lines, CSV with a header, or one user id a line",
  maxBytes: 8 * 1_048_576,
  tooLarge: {
    why: `A preview takes at most ${MAX_SAMPLE} contexts.`,
    mend: "take a sample, for example with `shuf -n 10000`",
  },
};

/** How a file of contexts can be written. */
export const SAMPLE_FORMATS = ["json", "jsonl", "csv", "ids"] as const;
export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

/** One context, and where it stands, for messages. */
interface Entry {
  readonly at: string;
  readonly value: unknown;
}

/**
 * Reads a sample of evaluation contexts from a file, or from standard input for `-`.
 *
 * @param format undefined finds out by itself
 * @throws CliError that names the line, and never what stands there
 */
export async function readSample(
  cli: Cli,
  option: string,
  file: string,
  format: SampleFormat | undefined,
): Promise<readonly Context[]> {
  const source = await readText(cli, option, file, SAMPLE);
  const entries = READERS[format ?? formatOf(source.text)](source, option);
  if (entries.length === 0) {
    throw new CliError(EXIT.usage, `${option}: ${source.name} holds no contexts`, {
      mend: ["put one user id on each line, or see `sluice preview --help` for more"],
    });
  }
  if (entries.length > MAX_SAMPLE) {
    throw new CliError(EXIT.usage, `${option}: ${source.name} holds ${entries.length} contexts`, {
      why: [SAMPLE.tooLarge.why],
      mend: [SAMPLE.tooLarge.mend],
    });
  }
  return entries.map((entry) => judged(entry, source, option));
}

type Reader = (source: NamedText, option: string) => readonly Entry[];

const READERS: { readonly [Format in SampleFormat]: Reader } = {
  json: readJsonArray,
  jsonl: readJsonLines,
  csv: readCsv,
  ids: readIds,
};

/** Attributes that a file of one column may be headed with. */
const LONE_HEADER = /^"?(userId|anonymousId|email|organization|country|plan|isEmployee)"?$/;

function formatOf(text: string): SampleFormat {
  const start = text.trimStart();
  if (start.startsWith("[")) return "json";
  if (start.startsWith("{")) return "jsonl";
  const [first = ""] = start.split(/\r?\n/, 1);
  return first.includes(",") || LONE_HEADER.test(first) ? "csv" : "ids";
}

function readJsonArray({ text, name }: NamedText, option: string): readonly Entry[] {
  const value = parseJson(text, { option, name, example: '[{"userId": "u1"}, {"userId": "u2"}]' });
  if (!Array.isArray(value)) {
    throw new CliError(EXIT.usage, `${option}: ${name} is no JSON array`, {
      mend: ["write [ … ] around the contexts, or one context a line"],
    });
  }
  return value.map((item: unknown, index) => ({ at: `item ${index + 1}`, value: fromId(item) }));
}

function readJsonLines({ text, name }: NamedText, option: string): readonly Entry[] {
  const entries: Entry[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const value = parseJson(line, {
      option,
      name,
      firstLine: index + 1,
      example: '{"userId": "u1"}, one on each line, or [ … ] around all of them',
    });
    entries.push({ at: `line ${index + 1}`, value: fromId(value) });
  }
  return entries;
}

function readIds(source: NamedText, option: string): readonly Entry[] {
  return parseIdLines(source, option).map(({ line, id }) => ({ at: `line ${line}`, value: fromId(id) }));
}

/** An id alone is a context, too; the anonymous ones are known by their beginning. */
function fromId(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value.startsWith("anon-") ? { anonymousId: value } : { userId: value };
}

function readCsv({ text, name }: NamedText, option: string): readonly Entry[] {
  const records = parseCsv(text);
  if ("faultyLine" in records) {
    throw new CliError(EXIT.usage, `${option}: line ${records.faultyLine} of ${name} is not CSV`, {
      why: ["Its quotes are not right."],
      mend: ['put a field that holds a quote or a comma into quotes, and double the quotes in it: "a ""b"""'],
    });
  }
  const [header, ...rows] = records;
  const names = header?.fields ?? [];
  judgeHeader(names, name, option);
  return rows.map(({ line, fields }) => {
    if (fields.length !== names.length) {
      throw new CliError(
        EXIT.usage,
        `${option}: line ${line} of ${name} has ${fields.length} fields, and the header ${names.length}`,
        { mend: ["put a field that holds a comma into quotes"] },
      );
    }
    // An empty field is an attribute that is not there.
    const attributes = names
      .map((path, column) => ({ path, value: parseAttribute(path, fields[column] ?? "") }))
      .filter(({ value }) => value !== "");
    return { at: `line ${line}`, value: withAttributes({}, attributes) };
  });
}

function judgeHeader(names: readonly string[], name: string, option: string): void {
  const problem = names.map(pathProblem).find((found) => found !== undefined);
  const twice = names.find((path, column) => names.indexOf(path) < column);
  if (problem === undefined && twice === undefined) return;
  throw new CliError(EXIT.usage, `${option}: line 1 of ${name} is no header of attributes`, {
    why: [problem ?? `It names ${visible(twice ?? "", 80)} twice.`],
    mend: ["begin with one like userId,plan,country; where each line is one id, give --format ids"],
  });
}

function judged({ at, value }: Entry, { name }: NamedText, option: string): Context {
  const problem = isObject(value) ? problemOf(value) : "it is no JSON object";
  if (problem === undefined && isObject(value)) return value;
  throw new CliError(EXIT.usage, `${option}: ${at} of ${name} cannot be an evaluation context`, {
    why: [`${visible(problem ?? "", 300)}.`],
    mend: ["write attributes by their names, like userId, plan and country"],
  });
}

/** By the rules that the edge has: said here, the line is known. */
function problemOf(value: Context): string | undefined {
  const parsed = parseContext(value);
  return "problem" in parsed ? parsed.problem : undefined;
}
