import process from "node:process";
import type { Command } from "commander";
import { type PublisherConfig, readPublisherConfig } from "../../../config.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";

/** How long an open connection may keep a stopped process alive, in milliseconds. */
const LINGER_MS = 2_000;

export function addServe(program: Command, cli: Cli): void {
  program
    .command("serve")
    .description("Run the publisher: the admin API, and publishing to Redis.")
    .addHelpText(
      "after",
      `
Reads DATABASE_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and ADMIN_TOKEN; and PORT (8080), HOST (0.0.0.0),
SLUICE_ENV (production) and MAX_SNAPSHOT_BYTES (1048576). Logs to standard error, one JSON object per line.
On SIGINT or SIGTERM, it answers open requests and publishes first, for at most half a minute. A second signal ends it
immediately.

Example:
  sluice migrate && sluice serve`,
    )
    .action(async () => {
      const config = readPublisherConfig(cli.environment);
      const signal = untilSignal();
      const publisher = await startPublisher(config);
      cli.terminal.print(`Sluice's admin API listens at ${reachableUrl(publisher.url)}/api/v1`);
      await signal;
      cli.terminal.note("Stopping after the open requests. Press again to stop immediately.");
      await publisher.stop();
      if (publisher.hasCutOff) {
        cli.terminal.note("Some requests were not answered in time and were cut off.");
        cli.endWith(EXIT.failure);
      }
      // A hanging connection would keep the process alive, but all work is done.
      setTimeout(() => process.exit(), LINGER_MS).unref();
    });
}

async function startPublisher(config: PublisherConfig) {
  // Imported late: other commands do not need the server and its database driver.
  const [{ servePublisher }, { logToStderr }] = await Promise.all([
    import("../../../serve.ts"),
    import("../../../process/log.ts"),
  ]);
  try {
    return await servePublisher(config, logToStderr);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) {
      const { storeError } = await import("./store-error.ts");
      throw storeError(error);
    }
    if (error.code !== "EADDRINUSE" && error.code !== "EACCES" && error.code !== "EADDRNOTAVAIL") throw error;
    throw new CliError(EXIT.failure, `the admin API cannot listen on ${config.host}, port ${config.port}`, {
      why: [
        {
          EADDRINUSE: "Another process uses that port.",
          EACCES: "This user has no permission.",
          EADDRNOTAVAIL: "This machine does not have that address.",
        }[error.code],
      ],
      fix: ["change PORT or HOST"],
      cause: error,
    });
  }
}

/** A wildcard address cannot be opened: shows loopback instead. */
function reachableUrl(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process immediately. */
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
