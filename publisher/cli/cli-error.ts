/** A fault that is told to whoever typed the command: what is wrong, why, and how to mend it. Never holds a token. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  /** One line each. */
  readonly why: readonly string[];
  readonly mend: readonly string[];

  /**
   * @param what one line without a full stop at its end; text from outside has gone through `visible`
   *
   * @example
   * new CliError(EXIT.notFound, "there is no flag ai_serch", { mend: ["`sluice list` shows all flags"] })
   */
  constructor(
    exitCode: ExitCode,
    what: string,
    more: { why?: readonly string[]; mend?: readonly string[]; cause?: unknown } = {},
  ) {
    super(what, { cause: more.cause });
    this.exitCode = exitCode;
    this.why = more.why ?? [];
    this.mend = more.mend ?? [];
  }
}

/** What `sluice` ends with. Scripts rely on these numbers: docs/cli.md lists them, and none ever changes meaning. */
export const EXIT = {
  ok: 0,
  /** Something unforeseen, or the answer "no" to a question. */
  failure: 1,
  /** The command line, the environment or a value is not valid: nothing was sent, or nothing was changed. */
  usage: 2,
  /** There is no such flag, segment, rule, variant or gate. */
  notFound: 3,
  /** What is there stands against it, or has changed meanwhile. */
  conflict: 4,
  /** The token is missing where one is needed, or is not the right one. */
  unauthorised: 5,
  /** The admin API, Postgres or Redis cannot be reached, or what answers there is something else. */
  unreachable: 6,
  /** Done, but not everywhere: Redis does not have it yet, or Postgres does not know of a kill yet. */
  notYetEverywhere: 7,
  /** Redis contradicts Postgres: nothing is published until somebody says which is right. */
  diverged: 8,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
