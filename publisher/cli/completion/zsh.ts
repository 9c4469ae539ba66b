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

/** Completes a command at a position among the words, or what belongs to the one that stands there. */
function choose(commands: readonly CommandWords[], position: number): string {
  return `  commands=(
${commands.map(({ name, description }) => `    ${quote(`${name}:${description.replaceAll(":", "\\:")}`)}`).join("\n")}
  )
  if (( CURRENT == ${position} )); then
    _describe 'command' commands
    return
  fi
  case "$words[${position}]" in
${commands.map((command) => commandCase(command, position)).join("\n")}
  esac`;
}

function commandCase({ name, options, choices, commands }: CommandWords, position: number): string {
  if (commands.length > 0) {
    return `    ${name})
${choose(commands, position + 1)}
      ;;`;
  }
  const argument = choices.length > 0 ? [quote(`1:value:(${choices.join(" ")})`)] : [];
  const specs = [...options.flatMap(optionSpecs), ...argument, quote("*: :")];
  return `    ${name})
      words=("\${(@)words[${position},-1]}"); (( CURRENT -= ${position - 1} ))
      _arguments -s \\
        ${specs.join(" \\\n        ")}
      ;;`;
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
