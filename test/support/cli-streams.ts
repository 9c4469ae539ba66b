import { PassThrough } from "node:stream";
import { runCli } from "../../publisher/cli/run-cli.ts";

/** How one command line ended. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

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

export interface CallOptions {
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The text of standard input. */
  readonly input?: string | Uint8Array;
}

/**
 * Runs `sluice` in this process: a process of its own takes half a second to start (`runSluice`). Also takes arguments
 * that no process can be given: a NUL, or half a character.
 */
export function callSluice(args: readonly string[], options: CallOptions = {}): Promise<CliRun> {
  return runOnTerminal(args, { env: {}, ...options, isTTY: false });
}
