import process from "node:process";
import type { Command } from "commander";
import { type PublisherConfig, readPublisherConfig } from "../../../config.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";

/** How long a process that is done may still be kept by a connection, in milliseconds. */
const LINGER_MS = 2_000;

export function addServe(program: Command, cli: Cli): void {
  program
    .command("serve")
    .description("Run the publisher: the admin API, and what keeps Redis equal to Postgres.")
    .addHelpText(
      "after",
      `
Reads DATABASE_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and ADMIN_TOKEN; and PORT (8080), HOST (0.0.0.0),
SLUICE_ENV (production) and MAX_SNAPSHOT_BYTES (1048576). Logs to standard error, one JSON object a line.
SIGINT or SIGTERM ends it after what was asked is answered and published, at most half a minute later; a second one ends
it at once.

Example:
  sluice migrate && sluice serve`,
    )
    .action(async () => {
      const config = readPublisherConfig(cli.environment);
      const signal = untilSignal();
      const publisher = await startPublisher(config);
      cli.terminal.print(`Sluice's admin API listens at ${reachableUrl(publisher.url)}/api/v1`);
      await signal;
      cli.terminal.note("Stopping: what was asked is answered first. Once more ends it at once.");
      await publisher.stop();
      if (publisher.hasCutOff) {
        cli.terminal.note("What was asked and not answered in time was cut off.");
        cli.endWith(EXIT.failure);
      }
      // A connection that hangs would keep the process; nothing that counts is on its way any more.
      setTimeout(() => process.exit(), LINGER_MS).unref();
    });
}

async function startPublisher(config: PublisherConfig) {
  // Late: no other command pays for the server and its database driver.
  const [{ servePublisher }, { logToStderr }] = await Promise.all([
    import("../../../serve.ts"),
    import("../../../process/log.ts"),
  ]);
  try {
    return await servePublisher(config, logToStderr);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code !== "EADDRINUSE" && error.code !== "EACCES" && error.code !== "EADDRNOTAVAIL") throw error;
    throw new CliError(EXIT.failure, `the admin API cannot listen on ${config.host}, port ${config.port}`, {
      why: [
        {
          EADDRINUSE: "Something else listens there.",
          EACCES: "This user may not.",
          EADDRNOTAVAIL: "This machine does not have that address.",
        }[error.code],
      ],
      mend: ["set PORT or HOST to others"],
      cause: error,
    });
  }
}

/** The wildcard address is where to listen; it is nowhere to go. */
function reachableUrl(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Resolves at the first signal to end; a second one ends the process at once, whatever still runs. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isEnding = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (isEnding) process.exit(1);
        isEnding = true;
        resolve();
      });
    }
  });
}
