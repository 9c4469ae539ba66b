import type { Command } from "commander";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import {
  addContextOptions,
  type ContextOptions,
  readContext,
  typedContext,
} from "../../input/context-option.ts";
import { formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { gateRows, isOfNobody, outcomeInWords } from "../../words/gate-test-words.ts";

interface Options extends ContextOptions {
  readonly cold?: boolean;
  readonly json?: boolean;
}

/**
 * Adds `gate test <url>` to `gate <key>`.
 *
 * @param ofFlag does what `gate <key>` does, with the options that stand before the word, for the flag that is called "test"
 */
export function addGateTest(gate: Command, cli: Cli, ofFlag: () => Promise<void>): void {
  const test = gate
    .command("test")
    .description("Say what gates do to a request, and why.")
    .argument("[url]", "the page: a path like /ai/chat, or a whole URL");
  addContextOptions(test)
    .option("--cold", "as a worker answers that holds no flags: just begun, and Redis out of reach")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Flags and gates are those of Postgres, kills those of the edge. Method and headers make no difference to gates.
Who is asking is said as for \`sluice explain\`; without a word of it, somebody of whom nothing is known.

Examples:
  sluice gate test /ai/chat --user u1 --plan enterprise
  sluice gate test 'https://www.example.com/x/..%2fai?q=1' --anonymous anon-k3Jx0aZq8R1mVbT5yN7cWg
  sluice gate test /ai/chat --cold

A flag that is called "test" has its gates behind an option: sluice gate --list test`,
    )
    .action(async (url: string | undefined, options: Options) => {
      const isOfFlag = Object.keys(gate.opts()).length > 0;
      if (isOfFlag && url === undefined) return ofFlag();
      if (isOfFlag || url === undefined) throw misuse(isOfFlag);
      await testGates(cli, url, options);
    });
}

function misuse(isOfFlag: boolean): CliError {
  if (isOfFlag) {
    return new CliError(EXIT.usage, "options of `gate test` stand behind the word test", {
      mend: ["`sluice gate test --help` explains it"],
    });
  }
  // As Commander says it of every other command.
  return new CliError(EXIT.usage, "missing required argument 'url'", {
    mend: [
      "name a page: sluice gate test /ai/chat",
      'the gates of a flag that is called "test" are listed by `sluice gate --list test`',
    ],
  });
}

async function testGates(cli: Cli, url: string, options: Options): Promise<void> {
  const visitor = await readContext(cli, options);
  if (options.cold === true && Object.keys(visitor).length > 0) {
    throw new CliError(
      EXIT.usage,
      "--cold does not go with who is asking: then every gate is closed to everybody",
      {
        mend: ["leave out one of them"],
      },
    );
  }
  const context = options.cold === true ? undefined : visitor;
  const { body, said } = await cli.api().testGates(url, context, typedContext(options));
  if (options.json === true) return cli.terminal.printJson(said);
  const { terminal } = cli;
  terminal.print(`${visible(body.path, 200)} ${outcomeInWords(body)}`);
  if (!isOfNobody(body)) {
    const rows = gateRows(body, context === undefined);
    terminal.print(
      `\n${formatTable(["PAGE", "GATE", "FLAG", "FOR THEM", "SO IT", "BECAUSE"], rows, terminal)}`,
    );
  }
  const unknown = body.flags.find(({ killed_at_edge: killed }) => killed === null);
  if (unknown !== undefined) {
    const fault = visible(unknown.edge_fault ?? "Redis does not say", 300);
    terminal.print(
      terminal.paint("yellow", `Whether the edge holds one of these flags off is not known: ${fault}`),
    );
  }
  if (!body.published) {
    terminal.print(
      terminal.paint(
        "yellow",
        `revision ${body.revision}, NOT yet in Redis: the edge may still do otherwise`,
      ),
    );
  }
}
