import type { CommandWords, OptionWords } from "./command-words.ts";

/** A completion script for zsh; needs compinit. */
export function zshCompletion(commands: readonly CommandWords[]): string {
  return `#compdef sluice
# zsh completion for sluice, made by \`sluice completion zsh\`
_sluice() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    ${quote(`${name}:${description.replaceAll(":", "\\:")}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  case "$words[2]" in
${commands.map(commandCase).join("\n")}
  esac
}
# Sourced, it has to register itself; from a folder in fpath, compinit has done so.
if [[ "$funcstack[1]" == "_sluice" ]]; then
  _sluice "$@"
elif (( $+functions[compdef] )); then
  compdef _sluice sluice
fi
`;
}

function commandCase({ name, options, choices }: CommandWords): string {
  const argument = choices.length > 0 ? [quote(`1:value:(${choices.join(" ")})`)] : [];
  const specs = [...options.flatMap(optionSpecs), ...argument, quote("*: :")];
  return `    ${name})
      words=("\${(@)words[2,-1]}"); (( CURRENT-- ))
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
