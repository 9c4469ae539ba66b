import { CliError, EXIT, type ExitCode } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";
import type { Change } from "./answers.ts";
import type { ApiProblem } from "./api-problem.ts";
import type { Connection } from "./connection.ts";
import { inWords } from "./pointer-words.ts";

interface Answer {
  readonly exitCode: ExitCode;
  readonly mend: (connection: Connection, subject: Subject) => string;
}

/** What the request was about. */
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

const INVALID: Answer = { exitCode: EXIT.usage, mend: () => "correct it and send the command again" };

const lookAgain: Answer["mend"] = (_, { noun, show }) =>
  `look at the ${noun} with \`${show}\`, and decide again`;

const BY_STATUS: { readonly [status: number]: Answer } = {
  401: {
    exitCode: EXIT.unauthorised,
    mend: ({ source }) =>
      source === "environment"
        ? "set SLUICE_TOKEN to the ADMIN_TOKEN that the publisher runs with"
        : "run `npm start` again: the local system's token is another one now",
  },
  404: {
    exitCode: EXIT.notFound,
    mend: (_, { list }) => list,
  },
  409: { exitCode: EXIT.conflict, mend: (_, { noun, show }) => `\`${show}\` shows the ${noun} as it is` },
  412: { exitCode: EXIT.conflict, mend: lookAgain },
  413: {
    exitCode: EXIT.usage,
    mend: (_, { noun }) =>
      noun === "flag"
        ? "a percentage or a plan reaches many people without listing them"
        : "add them in several steps, with `sluice segment add`, or ask for a condition instead",
  },
  428: { exitCode: EXIT.conflict, mend: lookAgain },
  500: { exitCode: EXIT.failure, mend: () => "the publisher's log says more" },
};

const CHECK_REDIS = "`sluice status` tells what is wrong with Redis; mend that, and send the command again";

/** A part does not answer: which one, only the words tell. */
function unavailable({ problem }: ApiProblem): Answer {
  if (problem["diverged"] === true) {
    return {
      exitCode: EXIT.diverged,
      mend: () => "find out which is right; if this database is: `sluice publish --force`",
    };
  }
  const { detail } = problem;
  const mend = /not Sluice's: off/.test(detail)
    ? "mend `off` in Redis, or delete it: docs/operations.md, Redis, says how"
    : /NOT switched off|Redis/.test(detail)
      ? CHECK_REDIS
      : /not migrated/.test(detail)
        ? "run `sluice migrate` with the publisher's database"
        : /^(Postgres|another transaction)/.test(detail)
          ? "try again; `sluice kill` works even while Postgres is down"
          : "try again";
  return { exitCode: EXIT.unreachable, mend: () => mend };
}

/** A path that the publisher does not know. */
const NO_ENDPOINT: Answer = {
  exitCode: EXIT.unreachable,
  mend: () =>
    "check SLUICE_URL: it is the publisher's address, without a path; or the publisher is an older one",
};

function answerFor(refusal: ApiProblem): Answer {
  const { status, problem, key, segment, sent } = refusal;
  if (status === 503) return unavailable(refusal);
  const name = segment ?? key;
  if (status === 413 && isPreview(sent)) return { exitCode: EXIT.usage, mend: () => "take a smaller sample" };
  // A flag that is not there is named; a path that is not there, where SLUICE_URL goes astray, is not.
  if (status === 404 && (name === undefined || !problem.detail.includes(name))) return NO_ENDPOINT;
  return BY_STATUS[status] ?? (status < 500 ? INVALID : { ...INVALID, exitCode: EXIT.failure });
}

function isPreview(sent: unknown): boolean {
  return typeof sent === "object" && sent !== null && "contexts" in sent;
}

/** The command that does what the API advises. */
const HEADER_MEND = "`sluice describe <key> --no-in-header` takes a flag out of x-flags";

function isHeaderFull({ errors }: ApiProblem["problem"]): boolean {
  return errors.some(({ detail }) => detail.includes("in_header"));
}

/** A refusal of the admin API, in the words of the command line. */
export function describeProblem(refusal: ApiProblem, connection: Connection): CliError {
  const { problem, sent, typed } = refusal;
  const { exitCode, mend } = answerFor(refusal);
  const details = problem.errors.map(
    ({ pointer, detail }) => `${inWords(pointer, sent, typed)} ${visible(detail, 300)}`,
  );
  const [only] = details;
  const what =
    details.length > 1 ? `${details.length} things are not valid` : (only ?? visible(problem.detail, 300));
  return new CliError(exitCode, what, {
    why: [...(details.length > 1 ? details : []), ...describeChanges(problem.changes)],
    mend: [isHeaderFull(problem) ? HEADER_MEND : mend(connection, subjectOf(refusal))],
    cause: refusal,
  });
}

/** Who did what to a flag meanwhile, a line each. */
export function describeChanges(changes: readonly Change[]): string[] {
  return changes.map(({ revision, at, actor, action, changed }) => {
    const members = changed.map((name) => visible(name, 64)).join(", ");
    const deed = action === "update" && members !== "" ? `changed ${members}` : `${visible(action, 20)}d it`;
    return `revision ${revision}: ${visible(actor, 80)} ${deed} at ${visible(at, 40)}`;
  });
}
