import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { callSluice, type CallOptions, type CliRun } from "./cli-streams.ts";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem, type ApiSystemOptions } from "./api-system.ts";

export type { CliRun };

export interface CliOptions extends CallOptions {
  /** Instead of this clone's program. */
  readonly program?: string;
  /** Reads so many bytes of standard output, then closes the pipe. */
  readonly closeStdoutAfter?: number;
}

const MAIN = fileURLToPath(new URL("../../publisher/main.ts", import.meta.url));

/** Runs `sluice` as a process of its own, as people and scripts do; beside `env`, it has PATH and HOME. */
export async function runSluice(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [options.program ?? MAIN, ...args], {
    env: { PATH, HOME, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (options.closeStdoutAfter !== undefined && stdout.length >= options.closeStdoutAfter) {
      child.stdout.destroy();
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A command that reads nothing may have ended before all of it was written.
  child.stdin.on("error", () => undefined).end(options.input ?? "");
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

/** A publisher, and the CLI that talks to it. */
export interface CliSystem extends ApiSystem {
  readonly env: Readonly<Record<string, string>>;
  /** Runs `sluice` in this process. */
  sluice(args: readonly string[], options?: CallOptions): Promise<CliRun>;
  /** Runs `sluice` as a process of its own. */
  run(args: readonly string[], options?: CliOptions): Promise<CliRun>;
  /** Makes a flag by the API, with anything that a patch may set. */
  make(key: string, columns?: Readonly<Record<string, unknown>>): Promise<void>;
  /** The flag as it stands in Postgres. */
  row(key: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Everything that a command could have changed, as one text. */
  everything(): Promise<string>;
}

export async function startCliSystem(options?: ApiSystemOptions): Promise<CliSystem> {
  const system = await startApiSystem(options);
  const env = { SLUICE_URL: system.url, SLUICE_TOKEN: ADMIN_TOKEN };
  return {
    ...system,
    env,
    sluice: (args, more = {}) => callSluice(args, { ...more, env: { ...env, ...more.env } }),
    run: (args, more = {}) => runSluice(args, { ...more, env: { ...env, ...more.env } }),
    async make(key, columns = {}) {
      const { status, text } = await system.call("POST", "/api/v1/flags", { body: { key, ...columns } });
      if (status !== 201) throw new Error(`flag ${key} was not made: ${text}`);
    },
    row: async (key) => (await system.sql("SELECT * FROM feature_flags WHERE key = $1", [key]))[0],
    async everything() {
      const flags = await system.sql("SELECT * FROM feature_flags ORDER BY key");
      const counter = await system.sql("SELECT epoch, revision FROM publication");
      const audit = await system.sql("SELECT count(*) FROM flag_audit");
      return JSON.stringify([flags, counter, audit]);
    },
  };
}
