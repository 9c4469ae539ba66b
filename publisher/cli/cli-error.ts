/** An error for the user: the fault, the reason and the fix. It never contains a token. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  /** One line each. */
  readonly why: readonly string[];
  readonly fix: readonly string[];

  /**
   * @param what one line without a full stop; pass text from outside through `visible` first
   *
   * @example
   * new CliError(EXIT.notFound, "there is no flag ai_serch", { fix: ["`sluice list` shows all flags"] })
   */
  constructor(
    exitCode: ExitCode,
    what: string,
    more: { why?: readonly string[]; fix?: readonly string[]; cause?: unknown } = {},
  ) {
    super(what, { cause: more.cause });
    this.exitCode = exitCode;
    this.why = more.why ?? [];
    this.fix = more.fix ?? [];
  }
}

/** Exit codes of `sluice`. Scripts rely on them (docs/cli.md): a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  /** An unexpected error, or the answer "no" to a question. */
  failure: 1,
  /** The command line, the environment or a value is not valid. Nothing was changed. */
  usage: 2,
  /** There is no such flag, segment, rule, variant or gate. */
  notFound: 3,
  /** A conflict with the current state, or a change by somebody else. */
  conflict: 4,
  /** The token is missing or wrong. */
  unauthorised: 5,
  /** The admin API, Postgres or Redis cannot be reached, or another server answers. */
  unreachable: 6,
  /** Done, but Redis does not have the change yet, or Postgres does not have the kill yet. */
  notYetEverywhere: 7,
  /** Redis contradicts Postgres. Nothing is published until an operator decides which one is right. */
  diverged: 8,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
