import { PassThrough } from "node:stream";
import { runCli } from "../../publisher/cli/run-cli.ts";
import type { CliOptions, CliRun } from "./cli.ts";

/** Runs the CLI in this process, on streams that can pass for a terminal. */
export async function runOnTerminal(
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly isTTY: boolean;
    readonly input?: string | Uint8Array;
    readonly columns?: number;
  },
): Promise<CliRun> {
  const { isTTY, columns = 80 } = options;
  const make = () => Object.assign(new PassThrough(), { isTTY, columns });
  const [stdin, stdout, stderr] = [make(), make(), make()];
  const written = { stdout: "", stderr: "" };
  stdout.on("data", (text: Buffer) => (written.stdout += text.toString()));
  stderr.on("data", (text: Buffer) => (written.stderr += text.toString()));
  stdin.end(options.input ?? "");
  const code = await runCli(args, options.env, { stdin, stdout, stderr });
  return { code, ...written };
}

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
