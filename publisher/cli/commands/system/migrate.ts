import type { Command } from "commander";
import { readDatabaseConfig } from "../../../config.ts";
import type { Cli } from "../../cli.ts";

export function addMigrate(program: Command, cli: Cli): void {
  program
    .command("migrate")
    .description("Bring the database up to date.")
    .addHelpText(
      "after",
      `
Reads DATABASE_URL, or MIGRATION_DATABASE_URL if another role owns the tables. Several runs at once are safe.

Example:
  sluice migrate`,
    )
    .action(async () => {
      const config = readDatabaseConfig(cli.environment);
      const [{ migrate }, { storeError }] = await Promise.all([
        import("../../../postgres/migrate.ts"),
        import("./store-error.ts"),
      ]);
      cli.terminal.progress("Migrating");
      try {
        const applied = await migrate(config.migrationDatabaseUrl, (line) => cli.terminal.note(line));
        cli.terminal.progress("");
        const done = applied.length === 0 ? "was" : "is";
        cli.terminal.print(`The database ${done} up to date${applied.length === 0 ? " already" : ""}.`);
      } catch (error) {
        throw storeError(error);
      }
    });
}
