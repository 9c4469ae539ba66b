import type { Command } from "commander";
import { AlreadyRunning } from "../../../dev/postgres/postgres-lock.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { visible } from "../../terminal/visible.ts";

export function addDev(program: Command, cli: Cli): void {
  program
    .command("dev")
    .description("Run a whole local system: Postgres, Redis, publisher, worker and a demo site.")
    .addHelpText("after", "\nExample:\n  sluice dev      (npm start does the same)")
    .action(async () => {
      const { runDev } = await importDev();
      try {
        await runDev(cli.environment);
      } catch (error) {
        throw error instanceof AlreadyRunning ? runsAlready(error) : error;
      }
    });
}

/** Needs development dependencies, which a server does not have. */
async function importDev() {
  try {
    return await import("../../../dev/dev.ts");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new CliError(EXIT.failure, "the local system is not installed", {
      why: ["It needs the development dependencies, which `npm ci --omit=dev` omits."],
      fix: ["run `npm ci`"],
      cause: error,
    });
  }
}

function runsAlready(error: AlreadyRunning): CliError {
  return new CliError(EXIT.conflict, "a local system already runs in this clone", {
    why: [visible(error.message, 500)],
    fix: ["use the running one: `sluice status` shows whether it answers"],
    cause: error,
  });
}
