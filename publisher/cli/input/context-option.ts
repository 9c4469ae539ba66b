import type { Command } from "commander";
import type { TypedWords } from "../api/pointer-words.ts";
import type { Cli } from "../cli.ts";
import { type Attribute, collectAttributes, type Context, withAttributes } from "./attribute.ts";
import { readJsonObject } from "./text/json-text.ts";

/** The options that say who asks. */
export interface ContextOptions {
  readonly user?: string;
  readonly anonymous?: string;
  readonly plan?: string;
  readonly employee?: boolean;
  readonly attribute?: readonly Attribute[];
  /** JSON itself, a file of it, or - for standard input. */
  readonly context?: string;
}

const EXAMPLE = `'{"userId": "u1"}'`;

/** Gives a command the options that say who asks. */
export function addContextOptions(command: Command): Command {
  return command
    .option("--user <id>", "their user id")
    .option("--anonymous <id>", "the id of their anonymous cookie")
    .option("--plan <plan>", "the plan they are on")
    .option("--employee", "they are an employee")
    .option(
      "--attribute <name=value>",
      "any other attribute, as JSON or as a word; may be repeated",
      collectAttributes,
    )
    .option(
      "--context <file>",
      "the whole evaluation context: JSON itself, a file of it, or -; the options above win over it",
    );
}

/** Puts an evaluation context together; the more particular option wins. */
export async function readContext(cli: Cli, options: ContextOptions): Promise<Context> {
  const { user, anonymous, plan, employee, attribute = [], context } = options;
  const base = context === undefined ? {} : await readJsonObject(cli, "--context", context, EXAMPLE);
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

/** What was typed for attributes that have options of their own, where these were not used. */
export function typedContext({ user, anonymous, plan, employee }: ContextOptions): TypedWords {
  return {
    ...(user === undefined && { "/context/userId": 'the attribute "userId"' }),
    ...(anonymous === undefined && { "/context/anonymousId": 'the attribute "anonymousId"' }),
    ...(plan === undefined && { "/context/plan": 'the attribute "plan"' }),
    ...(employee !== true && { "/context/isEmployee": 'the attribute "isEmployee"' }),
  };
}
