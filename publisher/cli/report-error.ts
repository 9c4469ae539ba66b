import { inspect } from "node:util";
import { ConfigError } from "../config.ts";
import { ApiProblem } from "./api/api-problem.ts";
import type { ApiClient } from "./api/client.ts";
import { describeProblem } from "./api/describe-problem.ts";
import { CliError, EXIT } from "./cli-error.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { visible } from "./terminal/visible.ts";
import { similarNames } from "./words/similar-names.ts";

/** Puts what went wrong into words: what is wrong, why, how to mend it. */
export function toCliError(error: unknown, api: ApiClient | undefined): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ApiProblem && api !== undefined) return describeProblem(error, api.connection);
  if (error instanceof ConfigError) {
    return new CliError(EXIT.usage, "the environment is not usable", {
      why: error.message.split("\n"),
      mend: ["mend what is named above; docs/cli.md lists every variable"],
      cause: error,
    });
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new CliError(EXIT.failure, visible(text, 300), {
    why: ["This is unforeseen."],
    mend: ["set SLUICE_DEBUG=1 to see where it comes from"],
    cause: error,
  });
}

/** Writes an error for people. */
export function reportError(terminal: Terminal, error: CliError, options: { debug: boolean }): void {
  const paint = terminal.paintNote;
  const lines = [
    `${paint("red", "error:")} ${error.message}`,
    ...error.why.map((line) => `  ${line}`),
    ...error.mend.map((line, index) => `${paint("cyan", index === 0 ? "  -> " : "     ")}${line}`),
  ];
  terminal.note(lines.join("\n"));
  if (options.debug) terminal.note(inspect(error.cause ?? error));
}

/** Keys that somebody may have meant who typed one that does not exist; none when they cannot be had. */
export async function suggestKeys(error: unknown, api: ApiClient | undefined): Promise<string[]> {
  if (!(error instanceof ApiProblem) || error.status !== 404 || !api) return [];
  const typed = error.segment ?? error.key;
  if (typed === undefined) return [];
  try {
    const names = error.segment === undefined ? await flagKeys(api) : await segmentNames(api);
    return similarNames(typed, names).map((name) => visible(name, 64));
  } catch {
    return [];
  }
}

async function flagKeys(api: ApiClient): Promise<readonly string[]> {
  const keys = [];
  for await (const page of api.list({})) keys.push(...page.flags.map(({ key }) => key));
  return keys;
}

async function segmentNames(api: ApiClient): Promise<readonly string[]> {
  return (await api.segments.list()).segments.map(({ name }) => name);
}
