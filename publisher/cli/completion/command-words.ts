import type { Command, Option } from "commander";

/** An option as a shell completes it. */
export interface OptionWords {
  /** With their dashes. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The allowed values; empty for any value. */
  readonly choices: readonly string[];
  readonly takesFile: boolean;
}

/** A command as a shell completes it. */
export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** The allowed arguments; empty for any argument. */
  readonly choices: readonly string[];
  /** The subcommands. */
  readonly commands: readonly CommandWords[];
}

/** Reads commands and options from the program, so that completion is never out of date. */
export function describeCommands(program: Command): readonly CommandWords[] {
  return [
    ...program.commands.map(describeCommand),
    {
      name: "help",
      description: "Explain a command",
      options: [],
      choices: program.commands.map((command) => command.name()),
      commands: [],
    },
  ];
}

function describeCommand(command: Command): CommandWords {
  return {
    name: command.name(),
    description: withoutStop(command.description()),
    options: [...command.options.map(describeOption), HELP],
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    commands: command.commands.map(describeCommand),
  };
}

const HELP: OptionWords = {
  names: ["--help"],
  description: "Explain this command",
  takesValue: false,
  choices: [],
  takesFile: false,
};

function describeOption(option: Option): OptionWords {
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: withoutStop(option.description),
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
    takesFile: option.flags.includes("<file>"),
  };
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, "");
}
