import { UnsuitableDatabaseError } from "../../../postgres/check-database.ts";
import { isPostgresDown, postgresRefusal } from "../../../postgres/postgres-problem.ts";
import { DivergedError } from "../../../postgres/publication.ts";
import { EpochBegunError, UnknownFlagError } from "../../../publish/publish-by-force.ts";
import { UnverifiedError } from "../../../publish/publish-verified.ts";
import { OutdatedError, TooLargeError } from "../../../publish/publisher.ts";
import { RedisFault } from "../../../redis/redis.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import { visible } from "../../terminal/visible.ts";

/** Errors of Postgres and Redis, for the commands that use them directly. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof DivergedError) {
    const { redis, why, since } = error.divergence;
    return new CliError(EXIT.diverged, "Redis contradicts Postgres: nothing was published", {
      why: [
        `${why} (Redis: epoch ${redis.epoch}, revision ${redis.revision}; since ${since.toISOString()}).`,
        "Kills still reach the edge.",
      ],
      fix: [
        "find out which one is right: a restored or swapped database, a wrong DATABASE_URL, or a Redis of another system",
        "if it is this database, `sluice publish --force` overwrites Redis for every publisher and worker",
      ],
      cause: error,
    });
  }
  if (error instanceof UnverifiedError) {
    return new CliError(EXIT.failure, "Redis does not contain the published snapshot", {
      why: [`${visible(error.message, 300)}.`, "It was written again, but still differs."],
      fix: ["find out who else writes to this Redis: only publishers should have the read-write token"],
      cause: error,
    });
  }
  if (error instanceof UnknownFlagError) {
    return new CliError(
      EXIT.notFound,
      `there is no flag ${visible(error.key, 64)} in this database: nothing was published`,
      {
        fix: ["correct the key after --keep-on"],
        cause: error,
      },
    );
  }
  if (error instanceof EpochBegunError) {
    const { cause } = error;
    return new CliError(
      cause instanceof RedisFault ? EXIT.unreachable : EXIT.failure,
      "a new epoch started in this database, but Redis was not updated",
      {
        why: [
          `${visible(cause instanceof Error ? cause.message : String(cause), 300)}.`,
          "A running publisher publishes the new epoch as soon as it can.",
        ],
        fix: ["fix the cause, then run `sluice publish` without --force"],
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
        fix: ["update this one; to stay on this version, run `sluice publish --force`"],
        cause: error,
      },
    );
  }
  if (error instanceof TooLargeError) {
    return new CliError(EXIT.failure, "the snapshot is larger than workers accept: nothing was published", {
      why: [`${visible(error.message, 300)}.`, "Workers keep the last snapshot, and kills still work."],
      fix: ["remove old flags, segments and long lists of ids"],
      cause: error,
    });
  }
  if (error instanceof RedisFault) {
    return new CliError(EXIT.unreachable, visible(error.message, 300), {
      why: ["The edge reads from Redis: nothing was published."],
      fix: ["check UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN"],
      cause: error,
    });
  }
  const refusal =
    error instanceof UnsuitableDatabaseError
      ? error.message
      : (postgresRefusal(error) ?? postgresRefusal(error.cause));
  if (refusal !== undefined) {
    const [what = refusal, ...remedy] = refusal.split(": ");
    const isDown = isPostgresDown(error) || isPostgresDown(error.cause);
    return new CliError(isDown ? EXIT.unreachable : EXIT.failure, visible(what, 400), {
      ...(error.message !== refusal && { why: [visible(error.message, 400)] }),
      fix: remedy,
      cause: error,
    });
  }
  if (isPostgresDown(error) || isPostgresDown(error.cause)) {
    return new CliError(EXIT.unreachable, "Postgres cannot be reached, or rejects this user", {
      why: [visible(error.message, 400)],
      fix: ["check DATABASE_URL and that the server runs"],
      cause: error,
    });
  }
  if ("code" in error && error.code === "42P01") {
    return new CliError(EXIT.failure, "the database has no Sluice tables", {
      fix: ["run `sluice migrate`, or check DATABASE_URL"],
      cause: error,
    });
  }
  return error;
}
