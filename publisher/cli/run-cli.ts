import { type Command, CommanderError } from "commander";
import type { Environment } from "../config.ts";
import { type ApiClient, createApiClient } from "./api/client.ts";
import { findConnection } from "./api/connection.ts";
import { CliError, EXIT, type ExitCode } from "./cli-error.ts";
import type { Cli } from "./cli.ts";
import { createProgram } from "./program.ts";
import { suggestKeys, reportError, toCliError } from "./report-error.ts";
import { createTerminal, type Streams } from "./terminal/terminal.ts";
import { visible } from "./terminal/visible.ts";

/**
 * Runs one command line.
 *
 * @param args without the program's own name
 * @returns the exit code; never throws
 */
export async function runCli(
  args: readonly string[],
  environment: Environment,
  streams: Streams,
): Promise<ExitCode> {
  const terminal = createTerminal(environment, streams);
  let exitCode: ExitCode = EXIT.ok;
  let api: ApiClient | undefined;
  let command: Command | undefined;
  let stdinTaker: string | undefined;

  function openApi(): ApiClient {
    if (api !== undefined) return api;
    const connection = findConnection(environment);
    if (connection.source === "local system") {
      terminal.note(terminal.paintNote("dim", "Using the local system that `npm start` runs."));
    }
    api = createApiClient(connection);
    return api;
  }

  const cli: Cli = {
    environment,
    terminal,
    // Lazy: a process that touches standard input waits for its end.
    get stdin() {
      return streams.stdin;
    },
    takeStdin(option) {
      if (stdinTaker !== undefined) throw stdinTaken(stdinTaker, option);
      stdinTaker = option;
      return streams.stdin;
    },
    api: openApi,
    endWith: (code) => {
      exitCode = code;
    },
  };

  try {
    const program = createProgram(cli).hook("preAction", (_, action) => {
      command = action;
    });
    await program.parseAsync(withoutVainHelp(program, args), { from: "user" });
    const fault = await terminal.written();
    if (fault !== undefined) throw outputLost(fault);
    return exitCode;
  } catch (error) {
    // Commander has printed the error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    terminal.progress("");
    const told = toCliError(error, api, command);
    const suggestions = await suggestKeys(error, api);
    reportError(terminal, withSuggestions(told, suggestions), {
      debug: Boolean(environment["SLUICE_DEBUG"]),
    });
    return told.exitCode;
  }
}

/** Without this, `help` for an unknown command would print the general help and exit with 0. */
function withoutVainHelp(program: Command, args: readonly string[]): readonly string[] {
  const [name = "-"] = args[0] === "help" ? args.slice(1) : args;
  const isKnown =
    name.startsWith("-") || name === "help" || program.commands.some((command) => command.name() === name);
  return isKnown ? args : [name];
}

function stdinTaken(first: string, second: string): CliError {
  return new CliError(EXIT.usage, `${first} and ${second} cannot both read standard input`, {
    fix: ["put one of them into a file"],
  });
}

function outputLost(cause: Error): CliError {
  return new CliError(EXIT.failure, "standard output cannot be written", {
    why: [`${visible(cause.message, 200)}.`, "The command itself has finished."],
    fix: ["check whether the disk is full; `sluice show` and `sluice list` can be repeated safely"],
    cause,
  });
}

function withSuggestions(error: CliError, keys: readonly string[]): CliError {
  if (keys.length === 0) return error;
  const { message, exitCode, why, fix, cause } = error;
  return new CliError(exitCode, message, {
    why,
    fix: [`did you mean ${keys.join(" or ")}?`, ...fix],
    cause,
  });
}
