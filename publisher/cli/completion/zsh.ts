import type { CommandWords, OptionWords } from "./command-words.ts";

/** A completion script for zsh; needs compinit. */
export function zshCompletion(commands: readonly CommandWords[]): string {
  return `#compdef sluice
# zsh completion for sluice, made by \`sluice completion zsh\`
_sluice() {
  local -a commands
${choose(commands, 2)}
}
# Sourced, it has to register itself; from a folder in fpath, compinit has done so.
if [[ "$funcstack[1]" == "_sluice" ]]; then
  _sluice "$@"
elif (( $+functions[compdef] )); then
  compdef _sluice sluice
fi
`;
}

/**
 * Completes the command at a position, or the options and arguments of that command.
 *
 * @param otherwise used when the word is not a command; without it, only commands are allowed
 */
function choose(commands: readonly CommandWords[], position: number, otherwise?: string): string {
  return `  commands=(
${commands.map(({ name, description }) => `    ${quote(`${name}:${description.replaceAll(":", "\\:")}`)}`).join("\n")}
  )
  if (( CURRENT == ${position} )); then
    _describe 'command' commands${otherwise === undefined ? "\n    return" : ""}
  fi
  case "$words[${position}]" in
${commands.map((command) => commandCase(command, position)).join("\n")}${otherwise === undefined ? "" : `\n    *)\n${otherwise}\n      ;;`}
  esac`;
}

function commandCase(command: CommandWords, position: number): string {
  const { name, commands } = command;
  if (commands.length === 0) return `    ${name})\n${argumentsOf(command, position)}\n      ;;`;
  // A command with options besides --help also works without a subcommand.
  const otherwise = command.options.length > 1 ? argumentsOf(command, position) : undefined;
  return `    ${name})
${choose(commands, position + 1, otherwise)}
      ;;`;
}

function argumentsOf({ options, choices }: CommandWords, position: number): string {
  const argument = choices.length > 0 ? [quote(`1:value:(${choices.join(" ")})`)] : [];
  const specs = [...options.flatMap(optionSpecs), ...argument, quote("*: :")];
  return `      words=("\${(@)words[${position},-1]}"); (( CURRENT -= ${position - 1} ))
      _arguments -s \\
        ${specs.join(" \\\n        ")}`;
}

function optionSpecs(option: OptionWords): string[] {
  const description = option.description.replace(/[[\]:\\]/g, "\\$&");
  return option.names.map((name) => quote(`*${name}[${description}]${valueSpec(option)}`));
}

function valueSpec({ takesValue, takesFile, choices }: OptionWords): string {
  if (!takesValue) return "";
  if (takesFile) return ":file:_files";
  return choices.length > 0 ? `:value:(${choices.join(" ")})` : ":value: ";
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
