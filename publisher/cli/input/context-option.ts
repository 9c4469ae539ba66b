import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { type Attribute, collectAttributes, type Context, withAttributes } from "./attribute.ts";
import { readJsonObject } from "./text/json-text.ts";

/** The options that describe a user. */
export interface ContextOptions {
  readonly user?: string;
  readonly anonymous?: string;
  readonly plan?: string;
  readonly employee?: boolean;
  readonly attribute?: readonly Attribute[];
  /** JSON, a file name, or - for standard input. */
  readonly context?: string;
}

const EXAMPLE = `'{"userId": "u1"}'`;

/** Adds the options that describe a user. */
export function addContextOptions(command: Command): Command {
  return command
    .option("--user <id>", "the user id")
    .option("--anonymous <id>", "the id in the anonymous cookie")
    .option("--plan <plan>", "the plan of the user")
    .option("--employee", "the user is an employee")
    .option(
      "--attribute <name=value>",
      "any other attribute: JSON or plain text; may be repeated",
      collectAttributes,
    )
    .option(
      "--context <file>",
      "the whole evaluation context: JSON, a file name, or -; the options above override it",
    );
}

/** Builds an evaluation context. Single options override --context. */
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
