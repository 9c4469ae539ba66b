import { isPostgresDown } from "../../../postgres/postgres-problem.ts";
import { DivergedError } from "../../../postgres/publication.ts";
import { EpochBegunError, UnknownFlagError } from "../../../publish/publish-by-force.ts";
import { UnverifiedError } from "../../../publish/publish-verified.ts";
import { OutdatedError, TooLargeError } from "../../../publish/publisher.ts";
import { RedisFault } from "../../../redis/redis.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import { visible } from "../../terminal/visible.ts";

/** What Postgres and Redis say to the commands that talk to them directly. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof DivergedError) {
    const { redis, why, since } = error.divergence;
    return new CliError(EXIT.diverged, "Redis contradicts Postgres: nothing was published", {
      why: [
        `${why} (Redis: epoch ${redis.epoch}, revision ${redis.revision}; since ${since.toISOString()}).`,
        "Kills reach the edge all the same.",
      ],
      mend: [
        "find out which is right: a restored or swapped database, a wrong DATABASE_URL, or a Redis of another system",
        "if this database is, `sluice publish --force` makes it the truth, for every publisher and every worker",
      ],
      cause: error,
    });
  }
  if (error instanceof UnverifiedError) {
    return new CliError(EXIT.failure, "Redis does not hold what was published", {
      why: [`${visible(error.message, 300)}.`, "It was written anew, and is not as it was written."],
      mend: ["see who else writes to this Redis: nobody but publishers should hold the read-write token"],
      cause: error,
    });
  }
  if (error instanceof UnknownFlagError) {
    return new CliError(
      EXIT.notFound,
      `there is no flag ${visible(error.key, 64)} in this database: nothing was published`,
      {
        mend: ["correct the key after --keep-on"],
        cause: error,
      },
    );
  }
  if (error instanceof EpochBegunError) {
    const { cause } = error;
    return new CliError(
      cause instanceof RedisFault ? EXIT.unreachable : EXIT.failure,
      "this database is the truth from now on, and Redis could not be brought to it",
      {
        why: [
          `${visible(cause instanceof Error ? cause.message : String(cause), 300)}.`,
          "The new epoch has begun in Postgres: a publisher that runs publishes it as soon as it can.",
        ],
        mend: ["mend that, then run `sluice publish`, without --force"],
        cause: error,
      },
    );
  }
  if (error instanceof OutdatedError) {
    return new CliError(
      EXIT.failure,
      "a newer publisher has published to this Redis: nothing was published",
      {
        why: [`${visible(error.message, 300)}.`],
        mend: ["update this one; to go back to it for good, run `sluice publish --force`"],
        cause: error,
      },
    );
  }
  if (error instanceof TooLargeError) {
    return new CliError(EXIT.failure, "the snapshot is larger than workers take: nothing was published", {
      why: [`${visible(error.message, 300)}.`, "Workers go on with the last one, and kills arrive."],
      mend: ["remove what is not needed: flags, segments, long lists of ids"],
      cause: error,
    });
  }
  if (error instanceof RedisFault) {
    return new CliError(EXIT.unreachable, visible(error.message, 300), {
      why: ["Redis is where the edge reads: nothing was published."],
      mend: ["check UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN"],
      cause: error,
    });
  }
  if (isPostgresDown(error) || isPostgresDown(error.cause)) {
    return new CliError(EXIT.unreachable, "Postgres cannot be reached, or does not let this user in", {
      why: [visible(error.message, 400)],
      mend: ["check DATABASE_URL, and whether the server runs"],
      cause: error,
    });
  }
  if ("code" in error && error.code === "42P01") {
    return new CliError(EXIT.failure, "the database has no Sluice tables", {
      mend: ["run `sluice migrate`, or check DATABASE_URL"],
      cause: error,
    });
  }
  return error;
}
