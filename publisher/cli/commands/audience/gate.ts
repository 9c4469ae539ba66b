import { type Command, InvalidArgumentError } from "commander";
import type { ApiClient } from "../../api/client.ts";
import { CliError, EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { editPart } from "../../edit/edit-flag.ts";
import { editGates, type GatesEdit, readGates } from "../../edit/gates-edit.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { actionInWords, type Gate } from "../../words/flag-words.ts";
import { addGateTest } from "./gate-test.ts";

interface Options {
  readonly add?: string;
  readonly rewrite?: string;
  readonly redirect?: string;
  readonly status?: number;
  readonly page?: string;
  readonly remove?: readonly string[];
  readonly list?: boolean;
  readonly json?: boolean;
}

export function addGate(program: Command, cli: Cli): void {
  const gate = flagCommand(program, "gate", "Close pages to users who do not have the flag.")
    .enablePositionalOptions()
    .option("--add <pattern>", "the pages, a URLPattern for the path; replaces a gate with the same pattern")
    .option("--rewrite <path>", "with --add: show this page instead")
    .option("--redirect <path>", "with --add: redirect there (302, or --status 303 or 307)")
    .option("--status <code>", "with --add: answer with 403, 404 or 410", parseStatus)
    .option("--page <path>", "with --status: show this page of the site with it")
    .option("--remove <pattern>", "remove a gate; may be repeated", collectPatterns)
    .option("--list", "list the gates; the default without a change")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The worker closes these pages to users who do not have the flag, in every spelling of the path.
Quote patterns, or the shell expands them.

Examples:
  sluice gate ai_search --add '/ai/*' --rewrite /classic
  sluice gate ai_search --add '/ai/*' --status 404 --page /not-found
  sluice gate ai_search --remove '/ai/*'
  sluice gate test /ai/chat --user u1`,
    )
    .action((key: string, options: Options) => editOrList(cli, key, options));
  addGateTest(gate, cli, () => editOrList(cli, "test", gate.opts()));
}

async function editOrList(cli: Cli, key: string, options: Options): Promise<void> {
  const edit = toEdit(options);
  if (edit === undefined) return listGates(cli, key, options);
  await editPart(cli, key, options, {
    edit: (flag) => editGates(flag, edit),
    unchanged: `${key} already has this gate`,
    changed: `Changed ${key}:`,
    hints: (_flag, isChanged) =>
      isChanged && edit.add !== undefined && options.json !== true
        ? describeNextGate(cli.api(), edit.add)
        : [],
  });
}

async function listGates(cli: Cli, key: string, options: Options): Promise<void> {
  const { answer } = await cli.api().get(key);
  if (options.json === true) return cli.terminal.printJson({ key, gates: answer.flag.gates });
  const gates = readGates(answer.flag);
  if (gates.length === 0) return cli.terminal.print(`${key} has no gates.`);
  const rows = gates.map(({ pattern, otherwise }) => [visible(pattern), actionInWords(otherwise)]);
  cli.terminal.print(formatTable(["PAGES", "WITHOUT THE FLAG"], rows, cli.terminal));
}

/** @returns undefined to list the gates */
function toEdit(options: Options): GatesEdit | undefined {
  const { add, remove = [], list } = options;
  const action = actionOf(options);
  if (options.page !== undefined && (action === undefined || !("status" in action) || "redirect" in action)) {
    throw new CliError(EXIT.usage, "--page needs --status 403, 404 or 410", {
      fix: ["add --status 404, or use --rewrite to show a page with its own status"],
    });
  }
  if (list === true && (add !== undefined || remove.length > 0)) {
    throw new CliError(EXIT.usage, "--list cannot be combined with --add or --remove", {
      fix: ["change the gates first, then list them"],
    });
  }
  if (add === undefined) {
    if (action === undefined) return remove.length > 0 ? { add: undefined, remove } : undefined;
    throw new CliError(EXIT.usage, "--rewrite, --redirect and --status need --add", {
      fix: ["name the pages too: --add '/ai/*'"],
    });
  }
  if (action === undefined) {
    throw new CliError(EXIT.usage, "--add needs an action for visitors without the flag", {
      fix: ["add --rewrite /classic, --redirect / or --status 404"],
    });
  }
  return { add: { pattern: add, otherwise: action }, remove };
}

function actionOf({ rewrite, redirect, status, page }: Options): Gate["otherwise"] | undefined {
  if (rewrite !== undefined && (redirect !== undefined || status !== undefined)) {
    throw new CliError(EXIT.usage, "--rewrite cannot be combined with --redirect or --status", {
      fix: ["choose one of them"],
    });
  }
  if (rewrite !== undefined) return { rewrite };
  if (redirect !== undefined) return { redirect, status: oneOf(REDIRECTS, status ?? 302, "with --redirect") };
  if (status === undefined) return undefined;
  return { status: oneOf(ANSWERS, status, "without --redirect"), ...(page !== undefined && { page }) };
}

const REDIRECTS = [302, 303, 307];
const ANSWERS = [403, 404, 410];

function oneOf(statuses: readonly number[], status: number, when: string): number {
  if (statuses.includes(status)) return status;
  throw new CliError(EXIT.usage, `--status ${status} is not what a gate answers ${when}`, {
    fix: [`choose ${statuses.slice(0, -1).join(", ")} or ${statuses.at(-1) ?? ""}`],
  });
}

function parseStatus(text: string): number {
  if (/^[1-5]\d\d$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write an HTTP status like 404.");
}

function collectPatterns(pattern: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, pattern];
}

/**
 * A hint when the page that a gate shows or redirects to has a gate too. Called after the gate was saved, so it never
 * throws: an error must not hide that.
 */
async function describeNextGate(api: ApiClient, { otherwise }: Gate): Promise<readonly string[]> {
  const target =
    "rewrite" in otherwise
      ? otherwise.rewrite
      : "redirect" in otherwise
        ? otherwise.redirect
        : otherwise.page;
  if (target === undefined) return [];
  try {
    const body = await api.testGates(target, undefined);
    const closing = body.steps[0]?.gates.find(({ decided }) => decided);
    if (closing === undefined) return [];
    const { flag_key: flag, pattern, otherwise: next } = closing;
    return [
      `${visible(target)} has a gate too: if ${visible(flag, 64)} is also off, its gate for ${visible(pattern)} ` +
        `${actionInWords(next)}.`,
    ];
  } catch {
    return [];
  }
}
