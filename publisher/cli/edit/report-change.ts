import type { Standing } from "../api/answers.ts";
import type { ApiClient } from "../api/client.ts";
import { EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";

/** What a command that changes something takes beside its own options. */
export interface JsonOption {
  readonly json?: boolean;
}

/**
 * Says what a change did, and how far it has come: every change tells its revision, and whether Redis has it.
 *
 * @param answer the API's answer to the change
 * @param lines what was done, for people
 * @param hints what to do next, for people
 */
export async function reportChange(
  cli: Cli,
  api: ApiClient,
  options: JsonOption,
  answer: Standing,
  { lines, hints = [] }: { lines: readonly string[]; hints?: readonly string[] },
): Promise<void> {
  const { terminal } = cli;
  if (options.json === true) terminal.printJson(answer);
  else for (const line of lines) terminal.print(line);

  if (answer.published) {
    if (options.json !== true) terminal.print(`revision ${answer.revision}, in Redis`);
  } else {
    const { why, diverged } = await whyNot(api);
    const standing = `revision ${answer.revision}, NOT yet in Redis: ${why}`;
    if (options.json === true) terminal.note(standing);
    else terminal.print(terminal.paint("yellow", standing));
    cli.endWith(diverged ? EXIT.diverged : EXIT.notYetEverywhere);
  }
  if (options.json !== true) for (const hint of hints) terminal.print(terminal.paint("dim", hint));
}

/** Asked only afterwards, and only to tell people: no fault of this may hide that the change was made. */
async function whyNot(api: ApiClient): Promise<{ readonly why: string; readonly diverged: boolean }> {
  const told = (why: string) => ({ why, diverged: false });
  try {
    const { fault, diverged } = await api.status();
    if (diverged) return { why: visible(fault ?? "Redis contradicts Postgres", 400), diverged };
    if (fault !== null) return told(`${visible(fault, 400)}. The publisher keeps trying`);
    return told("the publisher is on its way; `sluice status` tells when it is there");
  } catch {
    return told("the reason is not known; `sluice status` may tell");
  }
}
