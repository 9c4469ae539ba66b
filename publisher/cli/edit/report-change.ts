import type { PublishState } from "../api/answers.ts";
import type { ApiClient } from "../api/client.ts";
import { EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";

/** The option of every command that changes something. */
export interface JsonOption {
  readonly json?: boolean;
}

/**
 * Prints the result of a change, its revision, and whether Redis has the revision.
 *
 * @param answer the API's answer to the change
 * @param lines the result, without --json
 * @param hints the next steps, without --json
 */
export async function reportChange(
  cli: Cli,
  api: ApiClient,
  options: JsonOption,
  answer: PublishState,
  { lines, hints = [] }: { lines: readonly string[]; hints?: readonly string[] },
): Promise<void> {
  const { terminal } = cli;
  if (options.json === true) terminal.printJson(answer);
  else for (const line of lines) terminal.print(line);

  if (answer.published) {
    if (options.json !== true) terminal.print(`revision ${answer.revision}, in Redis`);
  } else {
    const { why, diverged } = await whyNot(api);
    const line = `revision ${answer.revision}, NOT yet in Redis: ${why}`;
    if (options.json === true) terminal.note(line);
    else terminal.print(terminal.paint("yellow", line));
    cli.endWith(diverged ? EXIT.diverged : EXIT.notYetEverywhere);
  }
  if (options.json !== true) for (const hint of hints) terminal.print(terminal.paint("dim", hint));
}

/** Never throws: an error must not hide that the change was made. */
async function whyNot(api: ApiClient): Promise<{ readonly why: string; readonly diverged: boolean }> {
  const because = (why: string) => ({ why, diverged: false });
  try {
    const { fault, diverged } = await api.status();
    if (diverged) return { why: visible(fault ?? "Redis contradicts Postgres", 400), diverged };
    if (fault !== null) return because(`${visible(fault, 400)}. The publisher keeps trying`);
    return because("the publisher is still writing; `sluice status` shows when it is done");
  } catch {
    return because("the reason is unknown; `sluice status` may show it");
  }
}
