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

/** The API previews at most this many contexts. */
export const MAX_SAMPLE = 10_000;

const SAMPLE: TextKind = {
  what: "contexts",
  typed: "contexts as JSON, JSON lines, CSV with a header, or one user id per line",
  maxBytes: 8 * 1_048_576,
  tooLarge: {
    why: `A preview accepts at most ${MAX_SAMPLE} contexts.`,
    fix: "take a sample, for example with `shuf -n 10000`",
  },
};

/** The formats of a file of contexts. */
export const SAMPLE_FORMATS = ["json", "jsonl", "csv", "ids"] as const;
export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

/** One context and its position, for error texts. */
interface Entry {
  readonly at: string;
  readonly value: unknown;
}

/**
 * Reads a sample of evaluation contexts from a file, or from standard input for `-`.
 *
 * @param format undefined: detected from the content
 * @throws CliError with the line, but never with its content
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
    throw new CliError(EXIT.usage, `${option}: ${source.name} contains no contexts`, {
      fix: ["write one user id per line; `sluice preview --help` shows the other formats"],
    });
  }
  if (entries.length > MAX_SAMPLE) {
    throw new CliError(EXIT.usage, `${option}: ${source.name} contains ${entries.length} contexts`, {
      why: [SAMPLE.tooLarge.why],
      fix: [SAMPLE.tooLarge.fix],
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

/** The header of a CSV file with one column. */
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
    throw new CliError(EXIT.usage, `${option}: ${name} is not a JSON array`, {
      fix: ["write [ … ] around the contexts, or one context per line"],
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
      example: '{"userId": "u1"}, one per line, or [ … ] around all of them',
    });
    entries.push({ at: `line ${index + 1}`, value: fromId(value) });
  }
  return entries;
}

function readIds(source: NamedText, option: string): readonly Entry[] {
  return parseIdLines(source, option).map(({ line, id }) => ({ at: `line ${line}`, value: fromId(id) }));
}

/** An id alone is a context. Anonymous ids begin with "anon-". */
function fromId(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value.startsWith("anon-") ? { anonymousId: value } : { userId: value };
}

function readCsv({ text, name }: NamedText, option: string): readonly Entry[] {
  const records = parseCsv(text);
  if ("faultyLine" in records) {
    throw new CliError(EXIT.usage, `${option}: line ${records.faultyLine} of ${name} is not CSV`, {
      why: ["The quotes are not balanced."],
      fix: ['quote a field with a quote or a comma, and double the quotes in it: "a ""b"""'],
    });
  }
  const [header, ...rows] = records;
  const names = header?.fields ?? [];
  judgeHeader(names, name, option);
  return rows.map(({ line, fields }) => {
    if (fields.length !== names.length) {
      throw new CliError(
        EXIT.usage,
        `${option}: line ${line} of ${name} has ${fields.length} fields, but the header has ${names.length}`,
        { fix: ["quote a field with a comma"] },
      );
    }
    // An empty field is a missing attribute.
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
  throw new CliError(EXIT.usage, `${option}: line 1 of ${name} is not a header of attributes`, {
    why: [problem ?? `${visible(twice ?? "", 80)} is there twice.`],
    fix: ["begin with a header like userId,plan,country; for one id per line, use --format ids"],
  });
}

function judged({ at, value }: Entry, { name }: NamedText, option: string): Context {
  const problem = isObject(value) ? problemOf(value) : "it is not a JSON object";
  if (problem === undefined && isObject(value)) return value;
  throw new CliError(EXIT.usage, `${option}: ${at} of ${name} is not an evaluation context`, {
    why: [`${visible(problem ?? "", 300)}.`],
    fix: ["name the attributes, like userId, plan and country"],
  });
}

/** Same rules as the edge. Checked here, because the line is known here. */
function problemOf(value: Context): string | undefined {
  const parsed = parseContext(value);
  return "problem" in parsed ? parsed.problem : undefined;
}
