import { inspect } from "node:util";
import type { Command } from "commander";
import { ConfigError } from "../config.ts";
import { ApiProblem } from "./api/api-problem.ts";
import type { ApiClient } from "./api/client.ts";
import { describeProblem } from "./api/describe-problem.ts";
import { CliError, EXIT } from "./cli-error.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { visible } from "./terminal/visible.ts";
import { similarNames } from "./words/similar-names.ts";

/**
 * The error to report for anything that was thrown.
 *
 * @param command what ran; undefined when nothing did
 */
export function toCliError(
  error: unknown,
  api: ApiClient | undefined,
  command: Command | undefined,
): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ApiProblem && api !== undefined)
    return describeProblem(error, api.connection, typedWords(command));
  if (error instanceof ConfigError) {
    return new CliError(EXIT.usage, "environment variables are missing or not valid", {
      why: error.message.split("\n"),
      fix: ["fix the variables named above; docs/settings.md lists all of them"],
      cause: error,
    });
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new CliError(EXIT.failure, visible(text, 300), {
    why: ["This error is not expected."],
    fix: ["set SLUICE_DEBUG=1 to see the stack trace"],
    cause: error,
  });
}

/** The options that were typed, and the names of the arguments. */
function typedWords(command: Command | undefined): readonly string[] {
  if (command === undefined) return [];
  const options = command.options.filter(
    (option) => command.getOptionValueSource(option.attributeName()) === "cli",
  );
  return [
    ...options.map(({ long }) => long ?? ""),
    ...command.registeredArguments.map((argument) => `<${argument.name()}>`),
  ];
}

/** Prints an error. */
export function reportError(terminal: Terminal, error: CliError, options: { debug: boolean }): void {
  const paint = terminal.paintNote;
  const lines = [
    `${paint("red", "error:")} ${error.message}`,
    ...error.why.map((line) => `  ${line}`),
    ...error.fix.map((line, index) => `${paint("cyan", index === 0 ? "  -> " : "     ")}${line}`),
  ];
  terminal.note(lines.join("\n"));
  if (options.debug) terminal.note(inspect(error.cause ?? error));
}

/** Existing keys that are similar to a key that does not exist; none when the list cannot be read. */
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
