import type { CommandWords, OptionWords } from "./command-words.ts";

/** A completion script for bash 3.2 and later; needs no bash-completion. */
export function bashCompletion(commands: readonly CommandWords[]): string {
  const below = commands.flatMap(belowOf);
  const all = commands.flatMap((command) => [command, ...belowOf(command)]);
  return `# bash completion for sluice, made by \`sluice completion bash\`
_sluice() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" command="" word
  COMPREPLY=()
  (( COMP_CWORD > 0 )) && previous="\${COMP_WORDS[COMP_CWORD-1]}"
  # bash takes --option=value for three words.
  if [[ "$current" == "=" ]]; then current=""
  elif [[ "$previous" == "=" ]] && (( COMP_CWORD > 1 )); then previous="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      -*) ;;
      *) if [[ -z "$command" ]]; then command="$word"; continue; fi
         case "|${below.map(({ name }) => name).join("|")}|" in *"|$command $word|"*) command="$command $word" ;; esac
         break ;;
    esac
  done
  case "$command:$previous" in
${all.flatMap(valueCases).join("\n")}
  esac
  case "$command" in
    "") COMPREPLY=($(compgen -W ${quote([...commands.map(({ name }) => name), "--help", "--version"])} -- "$current")) ;;
${all.map(commandCase).join("\n")}
  esac
}
complete -o default -F _sluice sluice
`;
}

/** Subcommands with their full names. */
function belowOf({ name, commands }: CommandWords): readonly CommandWords[] {
  return commands.map((command) => ({ ...command, name: `${name} ${command.name}` }));
}

/** Completes the value of an option: a choice, a file, or nothing. */
function valueCases({ name, options }: CommandWords): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map((option) => {
      const patterns = option.names.map((optionName) => quote([`${name}:${optionName}`])).join("|");
      return `    ${patterns}) ${replyTo(option)} return ;;`;
    });
}

function replyTo({ choices, takesFile }: OptionWords): string {
  if (takesFile) return 'COMPREPLY=($(compgen -f -- "$current"));';
  // Turns off "-o default", which would offer files for an id or a plan.
  if (choices.length === 0) return "compopt +o default 2>/dev/null;";
  return `COMPREPLY=($(compgen -W ${quote(choices)} -- "$current"));`;
}

function commandCase({ name, options, choices, commands }: CommandWords): string {
  const below = commands.map((command) => command.name);
  const words = quote([...options.flatMap(({ names }) => names), ...choices, ...below]);
  return `    ${quote([name])}) compopt +o default 2>/dev/null; COMPREPLY=($(compgen -W ${words} -- "$current")) ;;`;
}

function quote(words: readonly string[]): string {
  return `'${words.join(" ").replaceAll("'", "'\\''")}'`;
}
