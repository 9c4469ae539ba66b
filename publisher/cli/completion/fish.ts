import type { CommandWords, OptionWords } from "./command-words.ts";

/** A completion script for fish. */
export function fishCompletion(commands: readonly CommandWords[]): string {
  const groups = commands.filter((command) => command.commands.length > 0);
  const lines = commands.flatMap((command) => [
    `complete -c sluice -n __fish_use_subcommand -a ${quote(command.name)} -d ${quote(command.description)}`,
    ...linesOf(command, conditionOf(command, groups)),
    ...command.commands.flatMap((below) => [
      `complete -c sluice -n ${quote(beforeBelow(command))} -a ${quote(below.name)} -d ${quote(below.description)}`,
      ...linesOf(below, `${seen(command.name)}; and ${seen(below.name)}`),
    ]),
  ]);
  return `# fish completion for sluice, made by \`sluice completion fish\`
complete -c sluice -f
${lines.join("\n")}
`;
}

/** Options and choices of a command, where the condition holds. */
function linesOf({ options, choices }: CommandWords, condition: string): readonly string[] {
  return [
    ...options.map((option) => optionLine(condition, option)),
    ...(choices.length > 0
      ? [`complete -c sluice -n ${quote(condition)} -a ${quote(choices.join(" "))}`]
      : []),
  ];
}

/** `sluice rule list` contains the word `list`, but is not `sluice list`. */
function conditionOf({ name, commands }: CommandWords, groups: readonly CommandWords[]): string {
  if (commands.length > 0) return beforeBelow({ name, commands });
  const namesakes = groups.filter((group) => group.commands.some((below) => below.name === name));
  if (namesakes.length === 0) return seen(name);
  return `${seen(name)}; and not ${seen(...namesakes.map((group) => group.name))}`;
}

/** After the command, before any of its subcommands. */
function beforeBelow({ name, commands }: Pick<CommandWords, "name" | "commands">): string {
  return `${seen(name)}; and not ${seen(...commands.map((below) => below.name))}`;
}

function optionLine(
  condition: string,
  { names, description, takesValue, takesFile, choices }: OptionWords,
): string {
  const spelled = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const value = takesValue ? (takesFile ? " -r -F" : " -x") : "";
  const offered = choices.length > 0 ? ` -a ${quote(choices.join(" "))}` : "";
  return `complete -c sluice -n ${quote(condition)} ${spelled.join(" ")}${value}${offered} -d ${quote(description)}`;
}

function seen(...commands: readonly string[]): string {
  return `__fish_seen_subcommand_from ${commands.join(" ")}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
