import { CliError, EXIT, type ExitCode } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import type { Change } from "./answers.ts";
import type { ApiProblem } from "./api-problem.ts";
import type { Connection } from "./connection.ts";
import { locateFault } from "./locate-fault.ts";

interface Answer {
  readonly exitCode: ExitCode;
  readonly fix: (connection: Connection, subject: Subject) => string;
}

/** The flag or segment of the request. */
interface Subject {
  readonly noun: "flag" | "segment";
  /** The command that shows it, and the one that lists all of them. */
  readonly show: string;
  readonly list: string;
}

function subjectOf({ key = "<key>", segment }: ApiProblem): Subject {
  if (segment === undefined) {
    const list = "`sluice list` shows all flags, `sluice list --archived` the others";
    return { noun: "flag", show: `sluice show ${key}`, list };
  }
  const list = "`sluice segment list` shows all segments";
  return { noun: "segment", show: `sluice segment show ${segment}`, list };
}

const INVALID: Answer = { exitCode: EXIT.usage, fix: () => "correct it and run the command again" };

const lookAgain: Answer["fix"] = (_, { noun, show }) =>
  `look at the ${noun} with \`${show}\`, then run the command again if you still want it`;

const BY_STATUS: { readonly [status: number]: Answer } = {
  401: {
    exitCode: EXIT.unauthorised,
    fix: ({ source }) =>
      source === "environment"
        ? "set SLUICE_TOKEN to the ADMIN_TOKEN that the publisher runs with"
        : "run `npm start` again: the token of the local system has changed",
  },
  404: {
    exitCode: EXIT.notFound,
    fix: (_, { list }) => list,
  },
  409: { exitCode: EXIT.conflict, fix: (_, { noun, show }) => `\`${show}\` shows the current ${noun}` },
  412: { exitCode: EXIT.conflict, fix: lookAgain },
  413: {
    exitCode: EXIT.usage,
    fix: (_, { noun }) =>
      noun === "flag"
        ? "use a percentage or a plan instead of a long list"
        : "add the ids in several steps with `sluice segment add`, or use a condition",
  },
  428: { exitCode: EXIT.conflict, fix: lookAgain },
  500: { exitCode: EXIT.failure, fix: () => "the publisher's log says more" },
};

const CHECK_REDIS = "`sluice status` shows the fault of Redis; fix it, then run the command again";

/** Postgres or Redis does not answer. Only the text says which. */
function unavailable({ problem }: ApiProblem): Answer {
  if (problem["diverged"] === true) {
    return {
      exitCode: EXIT.diverged,
      fix: () => "find out which one is right; if it is this database, run `sluice publish --force`",
    };
  }
  const { detail } = problem;
  const fix = /not Sluice's: off/.test(detail)
    ? "repair or delete the key `off` in Redis: see Redis in docs/operations.md"
    : /NOT switched off|Redis/.test(detail)
      ? CHECK_REDIS
      : /not migrated/.test(detail)
        ? "run `sluice migrate` with the publisher's database"
        : /^(Postgres|another transaction)/.test(detail)
          ? "try again; `sluice kill` works even while Postgres is down"
          : "try again";
  return { exitCode: EXIT.unreachable, fix: () => fix };
}

/** The publisher does not have this path. */
const NO_ENDPOINT: Answer = {
  exitCode: EXIT.unreachable,
  fix: () =>
    "check SLUICE_URL: it must be the address of the publisher, without a path. Or the publisher is older than this command",
};

function answerFor(refusal: ApiProblem): Answer {
  const { status, problem, key, segment, sent } = refusal;
  if (status === 503) return unavailable(refusal);
  const name = segment ?? key;
  if (status === 413 && isPreview(sent)) return { exitCode: EXIT.usage, fix: () => "take a smaller sample" };
  // A 404 about a flag names the flag. A 404 about a path, caused by a wrong SLUICE_URL, does not.
  if (status === 404 && (name === undefined || !problem.detail.includes(name))) return NO_ENDPOINT;
  return BY_STATUS[status] ?? (status < 500 ? INVALID : { ...INVALID, exitCode: EXIT.failure });
}

function isPreview(sent: unknown): boolean {
  return typeof sent === "object" && sent !== null && "contexts" in sent;
}

/** The command for the API's advice. */
const HEADER_FIX = "`sluice describe <key> --no-in-header` takes a flag out of x-flags";

function isHeaderFull({ errors }: ApiProblem["problem"]): boolean {
  return (errors ?? []).some(({ detail }) => detail.includes("in_header"));
}

/**
 * A refusal of the admin API as an error of the command line.
 *
 * @param typed options and arguments of the command, such as `--if` and `<key>`
 */
export function describeProblem(
  refusal: ApiProblem,
  connection: Connection,
  typed: readonly string[],
): CliError {
  const { problem, sent } = refusal;
  const { exitCode, fix } = answerFor(refusal);
  const details = (problem.errors ?? []).map(
    ({ pointer, detail }) => `${locateFault(pointer, sent, typed)}: ${visible(detail, 300)}`,
  );
  const [only] = details;
  const what =
    details.length > 1 ? `${details.length} values are not valid` : (only ?? visible(problem.detail, 300));
  return new CliError(exitCode, what, {
    why: [...(details.length > 1 ? details : []), ...describeChanges(problem.changes ?? [])],
    fix: [isHeaderFull(problem) ? HEADER_FIX : fix(connection, subjectOf(refusal))],
    cause: refusal,
  });
}

/** The changes by others since the flag was read, one line each. */
export function describeChanges(changes: readonly Change[]): string[] {
  return changes.map(({ revision, at, actor, action, changed }) => {
    const members = changed.map((name) => visible(name, 64)).join(", ");
    const deed = action === "update" && members !== "" ? `changed ${members}` : `${visible(action, 20)}d it`;
    return `revision ${revision}: ${visible(actor, 80)} ${deed} at ${visible(at, 40)}`;
  });
}
