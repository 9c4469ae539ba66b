import { runOnTerminal } from "./cli-streams.ts";
import type { CliOptions, CliRun } from "./cli.ts";

/**
 * What `runSluice` would give, without the half second that a process takes to start. Takes what no process can be
 * given, too: a NUL, or half a character.
 */
export function callSluice(
  args: readonly string[],
  options: Pick<CliOptions, "env" | "input"> = {},
): Promise<CliRun> {
  return runOnTerminal(args, { env: {}, ...options, isTTY: false });
}
