import type { ExitCode } from "./exit-code.ts";

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
