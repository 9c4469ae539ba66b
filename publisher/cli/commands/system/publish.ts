import path from "node:path";
import type { Command } from "commander";
import type { Snapshot } from "../../../../shared/snapshot/snapshot.ts";
import { readPublishConfig } from "../../../config.ts";
import type { PublishedVerified } from "../../../publish/publish-verified.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import type { JsonOption } from "../../edit/report-change.ts";
import { visible } from "../../terminal/visible.ts";

interface PublishOptions extends JsonOption {
  readonly force?: boolean;
  readonly keepOn?: readonly string[];
  /** False: no file; undefined: the file of this clone's worker. */
  readonly gatesModule?: string | false;
}

interface WrittenGates {
  readonly file: string;
  readonly gates: number;
  /** Keys of flags whose gates are not valid. */
  readonly broken: readonly string[];
  /** False when the file was already up to date. */
  readonly written: boolean;
}

export function addPublish(program: Command, cli: Cli): void {
  program
    .command("publish")
    .description("Publish Postgres to Redis without the admin API, then verify Redis.")
    .option("--force", "overwrite a Redis that contradicts this database")
    .option("--keep-on <key>", "with --force: this flag stays on; repeatable", collect)
    .option("--gates-module <file>", "the file for the worker's gates (worker/deployed-gates.ts)")
    .option("--no-gates-module", "do not write that file")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Reads DATABASE_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and SLUICE_ENV (production). The exit code is 8 when
Redis contradicts Postgres: a restored backup, or another database. Find out which one is right. If it is this database,
use --force.

--force undoes no kill: it switches off every flag that is on in this database and off in Redis, and names it. --keep-on
keeps a flag on. If Redis was published from another database, only pending kills are switched off, and the other flags
are named.

The worker bundles the gates and keeps them closed until it has flags: publish before you deploy it.

Example:
  sluice publish && npx wrangler deploy`,
    )
    .action(async (options: PublishOptions) => {
      const { force = false, keepOn = [] } = options;
      if (!force && keepOn.length > 0) {
        throw new CliError(EXIT.usage, "--keep-on needs --force: nothing was published", {
          why: ["A publish without --force switches no flag off."],
          fix: ["leave out --keep-on, or add --force"],
        });
      }
      const config = readPublishConfig(cli.environment);
      // Imported late: other commands do not need the database driver.
      const [
        { publishVerified },
        { checkDatabase },
        { createPool },
        { createPublisherRedis },
        { logToStderr },
        { storeError },
      ] = await Promise.all([
        import("../../../publish/publish-verified.ts"),
        import("../../../postgres/check-database.ts"),
        import("../../../postgres/postgres.ts"),
        import("../../../redis/redis.ts"),
        import("../../../process/log.ts"),
        import("./store-error.ts"),
      ]);
      const pool = createPool(config.databaseUrl, logToStderr);
      cli.terminal.progress("Publishing");
      try {
        const redis = createPublisherRedis(config);
        await checkDatabase(pool);
        const result = await publishVerified(pool, redis, { force, keepOn });
        const gates = await writeGates(result.snapshot, options.gatesModule);
        cli.terminal.progress("");
        printResult(cli, options, result, gates);
      } catch (error) {
        throw storeError(error);
      } finally {
        await pool.end();
      }
    });
}

function collect(key: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, key];
}

/** @returns undefined with --no-gates-module, or when there is no worker to deploy */
async function writeGates(
  snapshot: Snapshot,
  given: string | false | undefined,
): Promise<WrittenGates | undefined> {
  if (given === false) return undefined;
  const { hasWorker, GATES_MODULE, toGatesModule, writeIfChanged } =
    await import("../../../publish/gates-module.ts");
  if (given === undefined && !hasWorker()) return undefined;
  const file = given ?? GATES_MODULE;
  const { text, gates, broken } = toGatesModule(snapshot);
  try {
    return { file, gates, broken, written: await writeIfChanged(file, text) };
  } catch (error) {
    throw new CliError(EXIT.failure, `${visible(file, 200)} cannot be written`, {
      why: [
        visible(error instanceof Error ? error.message : String(error), 300),
        "Redis is up to date, but the worker's gates are not.",
      ],
      fix: ["use another file with --gates-module, or --no-gates-module if you deploy no worker from here"],
      cause: error,
    });
  }
}

function printResult(
  { terminal }: Cli,
  options: PublishOptions,
  { published, repaired }: PublishedVerified,
  gates: WrittenGates | undefined,
): void {
  const { epoch, revision, bytes, digest, written, invalid, wasContradicted } = published;
  const { switchedOff = [], turnedOn = [] } = published;
  if (options.json === true) {
    return terminal.printJson({
      epoch,
      revision,
      bytes,
      digest,
      written,
      mended: repaired ?? null,
      invalid: Object.fromEntries(invalid),
      switched_off: switchedOff,
      turned_on: turnedOn,
      was_contradicted: wasContradicted ?? null,
      gates_module: gates ?? null,
    });
  }
  const warn = (text: string) => terminal.print(terminal.paint("yellow", text));
  terminal.print(
    written
      ? `Published revision ${revision} (epoch ${epoch}): the snapshot has ${bytes} bytes.`
      : `Redis already has revision ${revision} (epoch ${epoch}): ${bytes} bytes, nothing was written.`,
  );
  if (repaired !== undefined) {
    warn(
      `The snapshot was written again, because ${visible(repaired, 300)}. Find out who else writes to this Redis.`,
    );
  }
  terminal.print("Verified: head and snapshot in Redis match.");
  if (wasContradicted === false) {
    warn("Redis did not contradict this database: --force was not needed, but started a new epoch.");
  }
  for (const key of switchedOff) {
    warn(`${visible(key, 64)} is now off: it was off at the edge, and on in this database.`);
  }
  for (const key of turnedOn) {
    warn(`${visible(key, 64)} is now on: it was off at the edge, and on in this database.`);
  }
  for (const [key, why] of invalid) {
    warn(`${visible(key, 64)} is off at the edge, because it is not valid: ${visible(why, 300)}`);
  }
  if (gates !== undefined) {
    const count = `${gates.gates} ${gates.gates === 1 ? "gate" : "gates"}`;
    terminal.print(
      `${visible(shorten(gates.file), 200)}: ${count}, ${gates.written ? "written" : "unchanged"}.`,
    );
    for (const key of gates.broken) {
      warn(
        `Gates of ${visible(key, 64)} are not valid: their pages answer 404; gates without a valid pattern are ignored.`,
      );
    }
  }
}

function shorten(file: string): string {
  const relative = path.relative("", file);
  return relative.startsWith("..") ? file : relative;
}
