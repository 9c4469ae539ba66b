import { isObject } from "../../../shared/members.ts";
import { CliError } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { withAttributes, type Attribute, type Context } from "./attribute.ts";
import { parseJson, readJsonFile } from "./json-text.ts";

/** The options that say who asks. */
export interface ContextOptions {
  readonly user?: string;
  readonly anonymous?: string;
  readonly plan?: string;
  readonly employee?: boolean;
  readonly attribute?: readonly Attribute[];
  /** JSON, a file, or - for standard input. */
  readonly context?: string;
}

const EXAMPLE = `'{"userId": "u1"}'`;

/** Puts an evaluation context together; the more particular option wins. */
export async function readContext(cli: Cli, options: ContextOptions): Promise<Context> {
  const { user, anonymous, plan, employee, attribute = [], context } = options;
  const base = context === undefined ? {} : await readBase(cli, context);
  return withAttributes(
    {
      ...base,
      ...(user !== undefined && { userId: user }),
      ...(anonymous !== undefined && { anonymousId: anonymous }),
      ...(plan !== undefined && { plan }),
      ...(employee === true && { isEmployee: true }),
    },
    attribute,
  );
}

async function readBase(cli: Cli, given: string): Promise<Context> {
  const isJson = /^\s*[[{"]/.test(given);
  const value = isJson
    ? parseJson(given, { option: "--context", example: EXAMPLE })
    : await readJsonFile(cli, "--context", given);
  if (isObject(value)) return value;
  throw new CliError(EXIT.usage, "--context is no JSON object", {
    mend: [`Write a JSON object, like ${EXAMPLE}, or name a file of one`],
  });
}
