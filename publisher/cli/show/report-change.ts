import type { Standing } from "../api/answers.ts";
import type { ApiClient } from "../api/client.ts";
import type { Cli } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { visible } from "../visible.ts";

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
    const standing = `revision ${answer.revision}, NOT yet in Redis: ${await whyNot(api)}`;
    if (options.json === true) terminal.note(standing);
    else terminal.print(terminal.paint("yellow", standing));
    cli.endWith(EXIT.notYetEverywhere);
  }
  if (options.json !== true) for (const hint of hints) terminal.print(terminal.paint("dim", hint));
}

/** Asked only afterwards, and only to tell people: no fault of this may hide that the change was made. */
async function whyNot(api: ApiClient): Promise<string> {
  try {
    const { fault, diverged } = await api.status();
    if (diverged) return visible(fault ?? "Redis contradicts Postgres", 400);
    if (fault !== null) return `${visible(fault, 400)}. The publisher keeps trying`;
    return "the publisher is on its way; `sluice status` tells when it is there";
  } catch {
    return "the reason is not known; `sluice status` may tell";
  }
}
