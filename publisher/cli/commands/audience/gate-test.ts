import type { Command } from "commander";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { addContextOptions, type ContextOptions, readContext } from "../../input/context-option.ts";
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
 * @param ofFlag runs `gate <key>` for a flag named "test", with the options before that word
 */
export function addGateTest(gate: Command, cli: Cli, ofFlag: () => Promise<void>): void {
  const test = gate
    .command("test")
    .description("Show what gates do to a request, and why.")
    .argument("[url]", "the page: a path like /ai/chat, or a whole URL");
  addContextOptions(test)
    .option("--cold", "as a worker without flags: just started, Redis not reachable")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Uses the flags and gates in Postgres and the kills at the edge. Gates ignore the method and headers.
The options describe the visitor, as for \`sluice explain\`; without them, the visitor is unknown.

Examples:
  sluice gate test /ai/chat --user u1 --plan enterprise
  sluice gate test 'https://www.example.com/x/..%2fai?q=1' --anonymous anon-k3Jx0aZq8R1mVbT5yN7cWg
  sluice gate test /ai/chat --cold

For a flag named "test", put an option first: sluice gate --list test`,
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
    return new CliError(EXIT.usage, "options of `gate test` must follow the word test", {
      fix: ["`sluice gate test --help` explains it"],
    });
  }
  // Commander's text for the other commands.
  return new CliError(EXIT.usage, "missing required argument 'url'", {
    fix: [
      "name a page: sluice gate test /ai/chat",
      '`sluice gate --list test` lists the gates of a flag named "test"',
    ],
  });
}

async function testGates(cli: Cli, url: string, options: Options): Promise<void> {
  const visitor = await readContext(cli, options);
  if (options.cold === true && Object.keys(visitor).length > 0) {
    throw new CliError(
      EXIT.usage,
      "--cold cannot be combined with a visitor: every gate is closed to everybody then",
      {
        fix: ["remove one of them"],
      },
    );
  }
  const context = options.cold === true ? undefined : visitor;
  const body = await cli.api().testGates(url, context);
  if (options.json === true) return cli.terminal.printJson(body);
  const { terminal } = cli;
  terminal.print(`${visible(body.path, 200)} ${outcomeInWords(body)}`);
  if (!isOfNobody(body)) {
    const rows = gateRows(body, context === undefined);
    terminal.print(`\n${formatTable(["PAGE", "GATE", "FLAG", "STATE", "RESULT", "REASON"], rows, terminal)}`);
  }
  const unknown = body.flags.find(({ killed_at_edge: killed }) => killed === null);
  if (unknown !== undefined) {
    const fault = visible(unknown.edge_fault ?? "Redis does not answer", 300);
    terminal.print(terminal.paint("yellow", `Kills of these flags are unknown: ${fault}`));
  }
  if (!body.published) {
    terminal.print(
      terminal.paint(
        "yellow",
        `revision ${body.revision}, NOT yet in Redis: the edge may still use the last revision`,
      ),
    );
  }
}
