import { createInterface } from "node:readline/promises";
import type { Cli } from "../cli.ts";

/** Asks the user at the terminal. The end of the input, or Ctrl-C, is a no. */
export async function ask(cli: Cli, question: string): Promise<boolean> {
  const lines = createInterface({ input: cli.stdin });
  try {
    cli.terminal.progress(question);
    const answer = await new Promise<string>((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
