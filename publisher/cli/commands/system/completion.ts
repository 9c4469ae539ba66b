import { Argument, type Command } from "commander";
import type { Cli } from "../../cli.ts";
import { bashCompletion } from "../../completion/bash.ts";
import { describeCommands, type CommandWords } from "../../completion/command-words.ts";
import { fishCompletion } from "../../completion/fish.ts";
import { zshCompletion } from "../../completion/zsh.ts";

const SHELLS: { readonly [shell: string]: (commands: readonly CommandWords[]) => string } = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function addCompletion(program: Command, cli: Cli): void {
  program
    .command("completion")
    .description("Print a completion script for your shell.")
    .addArgument(new Argument("<shell>", "your shell").choices(Object.keys(SHELLS)))
    .addHelpText(
      "after",
      `
Examples:
  source <(sluice completion bash)                                     in ~/.bashrc
  source <(sluice completion zsh)                                      in ~/.zshrc, after compinit
  sluice completion fish > ~/.config/fish/completions/sluice.fish`,
    )
    .action((shell: string) => {
      cli.terminal.print((SHELLS[shell]?.(describeCommands(program)) ?? "").trimEnd());
    });
}
