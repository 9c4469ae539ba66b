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

/** Its parts are development dependencies, which a server does not have. */
async function importDev() {
  try {
    return await import("../../../dev/dev.ts");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new CliError(EXIT.failure, "the parts of a local system are not installed", {
      why: ["They are development dependencies, which `npm ci --omit=dev` leaves out."],
      mend: ["run `npm ci`"],
      cause: error,
    });
  }
}

function runsAlready(error: AlreadyRunning): CliError {
  return new CliError(EXIT.conflict, "a local system runs from this clone already", {
    why: [visible(error.message, 500)],
    mend: ["use the one that runs: `sluice status` tells whether it answers"],
    cause: error,
  });
}
