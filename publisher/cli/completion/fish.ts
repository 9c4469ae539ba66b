import type { CommandWords, OptionWords } from "./command-words.ts";

/** A completion script for fish. */
export function fishCompletion(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c sluice -n __fish_use_subcommand -a ${quote(command.name)} -d ${quote(command.description)}`,
    ...command.options.map((option) => optionLine(command.name, option)),
    ...(command.choices.length > 0
      ? [`complete -c sluice -n ${seen(command.name)} -a ${quote(command.choices.join(" "))}`]
      : []),
  ]);
  return `# fish completion for sluice, made by \`sluice completion fish\`
complete -c sluice -f
${lines.join("\n")}
`;
}

function optionLine(
  command: string,
  { names, description, takesValue, takesFile, choices }: OptionWords,
): string {
  const spelled = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const value = takesValue ? (takesFile ? " -r -F" : " -x") : "";
  const offered = choices.length > 0 ? ` -a ${quote(choices.join(" "))}` : "";
  return `complete -c sluice -n ${seen(command)} ${spelled.join(" ")}${value}${offered} -d ${quote(description)}`;
}

function seen(command: string): string {
  return quote(`__fish_seen_subcommand_from ${command}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
