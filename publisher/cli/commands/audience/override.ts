import type { Command } from "commander";
import { MAX_OVERRIDE_FLAGS, MAX_OVERRIDE_S, OVERRIDE_PATH } from "../../../../shared/flag/override.ts";
import type { SignedOverride } from "../../api/answers.ts";
import { isRefusal } from "../../api/api-problem.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { collectEdges } from "../../edge/edge-urls.ts";
import { linksOf } from "../../edge/override-links.ts";
import { parseDuration } from "../../input/duration.ts";
import { collectOverrides } from "../../input/pair.ts";
import { type Cell, formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";

interface Options {
  /** Seconds. */
  readonly for: number;
  readonly url?: string;
  readonly edge?: readonly string[];
  readonly json?: boolean;
}

const TWO_HOURS_S = 7_200;

export function addOverride(program: Command, cli: Cli): void {
  program
    .command("override")
    .description("Create a test override: a link that forces flags in one browser.")
    .argument("<key=on|off|variant...>", "the flags and their values", collectOverrides)
    .option("--for <duration>", "how long, like 90s, 30m, 2h or 7d (2h)", parseDuration, TWO_HOURS_S)
    .option("--url <url>", "the page to open, like https://www.example.com/ai")
    .option(
      "--edge <url>",
      "the site, like https://www.example.com; repeatable; default: SLUICE_EDGE_URLS",
      collectEdges,
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
An override never wins over a kill, a disabled flag or a missing prerequisite, and never changes a flag it does not name.
For a flag with variants, name a variant; "on" keeps the visitor's own variant.
Anyone with the link gets these flags until it expires (a week at most) or the flag is killed.
In the browser, ${OVERRIDE_PATH} shows the override and ends it.

Examples:
  sluice override ai_search=on --for 2h --url https://www.example.com/ai
  sluice override copilot=large ai_search=off --edge https://www.example.com`,
    )
    .action(async (flags: ReadonlyMap<string, string>, options: Options) => {
      if (flags.size > MAX_OVERRIDE_FLAGS) {
        throw new CliError(EXIT.usage, `an override names at most ${MAX_OVERRIDE_FLAGS} flags`);
      }
      if (options.for > MAX_OVERRIDE_S) {
        throw new CliError(EXIT.usage, "an override lasts a week at most", {
          fix: ["use --for 7d or less"],
        });
      }
      // Checked before anything is signed.
      const toLinks = linksOf(cli, options);
      const signed = await cli
        .api()
        .signOverride(Object.fromEntries(flags), options.for)
        .catch(explainRefusal);
      const links = toLinks(signed.path);
      if (options.json === true) return cli.terminal.printJson({ ...signed, links });
      printOverride(cli, signed, links);
    });
}

/** The publisher has no override keys. The usual advice for conflicts would not help. */
function explainRefusal(error: unknown): never {
  if (!isRefusal(error, 409)) throw error;
  throw new CliError(EXIT.conflict, visible(error.problem.detail, 300), {
    fix: [
      'create a key: echo "k1:$(openssl rand -base64 32)"',
      "docs/overrides.md shows where to set it and how to protect it",
    ],
    cause: error,
  });
}

function printOverride({ terminal }: Cli, signed: SignedOverride, links: readonly string[]): void {
  for (const link of links) terminal.print(link);
  terminal.print("");
  const rows = signed.flags.map(({ flag_key: key, forced, in_force: inForce, detail }): Cell[] => [
    visible(key, 64),
    visible(forced, 64),
    IN_FORCE[inForce] ?? visible(inForce, 20),
    visible(detail ?? "", 200),
  ]);
  terminal.print(formatTable(["FLAG", "FORCED", "IN FORCE", "REASON"], rows, terminal));
  terminal.print(`\nOpen the link in the browser to test. It expires at ${inWords(signed.ends_at)}.`);
  if (signed.edge_fault !== undefined) {
    terminal.print(
      terminal.paint("yellow", `Kills of these flags are unknown: ${visible(signed.edge_fault, 300)}`),
    );
  }
}

const IN_FORCE: { readonly [inForce: string]: Cell } = {
  always: { text: "yes", style: "green" },
  depends: { text: "for some", style: "yellow" },
  never: { text: "NO", style: "yellow" },
};

function inWords(text: string): string {
  const at = new Date(text);
  return Number.isNaN(at.getTime())
    ? visible(text, 40)
    : `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
