import type { Command } from "commander";
import { readPublishConfig } from "../../config.ts";
import type { Published } from "../../publisher.ts";
import type { Cli } from "../cli.ts";
import type { JsonOption } from "../show/report-change.ts";
import { visible } from "../visible.ts";

export function addPublish(program: Command, cli: Cli): void {
  program
    .command("publish")
    .description("Bring Redis to where Postgres is, without the admin API.")
    .option("--force", "make this database the truth, although Redis contradicts it")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Reads DATABASE_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and SLUICE_ENV (production). Ends with 8 when Redis
contradicts Postgres: a restored backup, or another database. Find out first which is right; if this one, use --force.

Example:
  sluice publish`,
    )
    .action(async (options: JsonOption & { readonly force?: boolean }) => {
      const config = readPublishConfig(cli.environment);
      // Late: no other command pays for the database driver and the rest.
      const [
        { publishByForce, publishOnce },
        { createPool },
        { createPublisherRedis },
        { logToStderr },
        { storeError },
      ] = await Promise.all([
        import("../../publisher.ts"),
        import("../../postgres.ts"),
        import("../../redis.ts"),
        import("../../log.ts"),
        import("../store-error.ts"),
      ]);
      const pool = createPool(config.databaseUrl, logToStderr);
      cli.terminal.progress("Publishing");
      try {
        const publish = options.force === true ? publishByForce : publishOnce;
        const published = await publish(pool, createPublisherRedis(config), new Date());
        cli.terminal.progress("");
        tell(cli, options, published);
      } catch (error) {
        throw storeError(error);
      } finally {
        await pool.end();
      }
    });
}

function tell({ terminal }: Cli, options: JsonOption, published: Published): void {
  const { epoch, revision, bytes, digest, written, invalid } = published;
  if (options.json === true) {
    return terminal.printJson({
      epoch,
      revision,
      bytes,
      digest,
      written,
      invalid: Object.fromEntries(invalid),
    });
  }
  terminal.print(
    written
      ? `Published revision ${revision} (epoch ${epoch}): the snapshot has ${bytes} bytes.`
      : `Redis has revision ${revision} (epoch ${epoch}) already: ${bytes} bytes, nothing was written.`,
  );
  for (const [key, why] of invalid) {
    terminal.print(
      terminal.paint(
        "yellow",
        `${visible(key, 64)} is off at the edge, as it is not valid: ${visible(why, 300)}`,
      ),
    );
  }
}
