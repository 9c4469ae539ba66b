import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import type { Cli } from "./cli.ts";
import { addBucket } from "./commands/audience/bucket.ts";
import { addGate } from "./commands/audience/gate.ts";
import { addOverride } from "./commands/audience/override.ts";
import { addRequire } from "./commands/audience/require.ts";
import { addRule } from "./commands/audience/rule.ts";
import { addSegment } from "./commands/audience/segment.ts";
import { addVariant } from "./commands/audience/variant.ts";
import { addCreate } from "./commands/life/create.ts";
import { addDelete } from "./commands/life/delete.ts";
import { addEnable, addRestore } from "./commands/life/enable.ts";
import { addArchive, addKill } from "./commands/life/kill.ts";
import { addRollout } from "./commands/life/rollout.ts";
import { addTarget } from "./commands/life/target.ts";
import { addDescribe } from "./commands/look/describe.ts";
import { addExplain } from "./commands/look/explain.ts";
import { addList } from "./commands/look/list.ts";
import { addPreview } from "./commands/look/preview.ts";
import { addShow } from "./commands/look/show.ts";
import { addStatus } from "./commands/look/status.ts";
import { addCompletion } from "./commands/system/completion.ts";
import { addDev } from "./commands/system/dev.ts";
import { addMigrate } from "./commands/system/migrate.ts";
import { addPublish } from "./commands/system/publish.ts";
import { addServe } from "./commands/system/serve.ts";
import { keepOnlyColours, visible } from "./terminal/visible.ts";

/** The order of `sluice --help`: a flag's life first, then the system. */
const GROUPS: readonly (readonly [
  heading: string,
  commands: readonly ((program: Command, cli: Cli) => void)[],
])[] = [
  [
    "A flag's life:",
    [addCreate, addTarget, addEnable, addRollout, addKill, addArchive, addRestore, addDelete],
  ],
  ["Who gets it, and what:", [addRule, addSegment, addVariant, addBucket, addRequire, addGate, addOverride]],
  ["Look and describe:", [addList, addShow, addExplain, addPreview, addDescribe, addStatus]],
  ["Run Sluice itself:", [addServe, addMigrate, addPublish, addDev]],
  ["More:", [addCompletion]],
];

const GETTING_STARTED = `
From a new flag to its end:
  sluice create ai_search --description "AI answers"   a new flag: off, at 0 %
  sluice target ai_search --employees-only             whom it is for: every employee, nobody else
  sluice enable ai_search                              on: employees see it within seconds
  sluice rollout ai_search 1                           then 1 % of everybody, ...
  sluice target ai_search --no-employees-only          ... as soon as it is no longer for employees only
  sluice kill ai_search                                off for everybody, at once

Each command explains itself: sluice rollout --help
Where to: SLUICE_URL and SLUICE_TOKEN; without them, the local system that \`npm start\` runs.
Exit codes, environment and a walk through: docs/cli.md
`;

/** Settings of every command and subcommand. */
function finish(command: Command, path: string): void {
  command.showHelpAfterError(`  -> \`sluice ${path} --help\` explains it`);
  if (command.commands.length > 0) command.helpCommand(false);
  for (const below of command.commands) finish(below, `${path} ${below.name()}`);
}

/** The whole command line. Each command has its own file. */
export function createProgram(cli: Cli): Command {
  const { terminal } = cli;
  const program = new Command("sluice")
    .description("Sluice: feature flags that roll AI features out at the CDN edge.")
    .version(manifest.version, "-V, --version", "Print the version.")
    .helpOption("-h, --help", "Explain this, or a command.")
    .addHelpCommand(
      new Command("help").argument("[command]").description("Explain a command.").helpGroup("More:"),
    )
    // Options after `gate test` belong to that command, not to `gate`.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.replace(/\n$/, "")),
      writeErr: (text) => terminal.note(text.replace(/\n$/, "")),
      outputError: (text, write) => write(keepOnlyColours(usageInWords(text), false)),
      getOutHelpWidth: () => terminal.columns ?? 100,
      getErrHelpWidth: () => terminal.columns ?? 100,
      getOutHasColors: () => terminal.outColours,
      getErrHasColors: () => terminal.noteColours,
    })
    .configureHelp({
      styleTitle: (text) => terminal.paint("bold", text),
      // Names only: each command's own help shows its options.
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(" "),
    })
    .addHelpText("after", GETTING_STARTED);
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, cli);
  }
  for (const command of program.commands) finish(command, command.name());
  return program.showHelpAfterError("  -> `sluice --help` lists the commands");
}

/** Commander's text for a value that is not valid, before the reason. */
const ARGUMENT = /^error: command-argument value '([\s\S]*?)' is invalid for argument '([^']*)'\./;
const OPTION = /^error: option '(?:-\w, )?(--[\w-]+)[^']*' argument '([\s\S]*?)' is invalid\./;

/** Rewrites Commander's errors: `error: <key> "Beta" is not valid.` */
export function usageInWords(text: string): string {
  return text
    .replace(ARGUMENT, (_, value: string, name: string) => notValid(`<${name}>`, value))
    .replace(OPTION, (_, option: string, value: string) => notValid(option, value));
}

function notValid(what: string, value: string): string {
  return `error: ${what} "${visible(value, 60)}" is not valid.`;
}
