import type { TypedWords } from "../api/pointer-words.ts";
import type { Cli } from "../cli.ts";
import { withAttributes, type Attribute, type Context } from "./attribute.ts";
import { readJsonObject } from "./json-object.ts";

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
