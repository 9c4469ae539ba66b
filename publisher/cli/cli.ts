import type { Environment } from "../config.ts";
import type { ApiClient } from "./api/client.ts";
import type { ExitCode } from "./cli-error.ts";
import type { Input, Terminal } from "./terminal/terminal.ts";

/** The services of every command. */
export interface Cli {
  readonly environment: Environment;
  readonly terminal: Terminal;
  readonly stdin: Input;
  /**
   * Standard input, for an option that reads all of it.
   *
   * @throws CliError when another option has read it
   */
  takeStdin(option: string): Input;
  /** The admin API of the environment or the local system; created on the first call. */
  api(): ApiClient;
  /** Sets the exit code; 0 when never called. */
  endWith(exitCode: ExitCode): void;
}
