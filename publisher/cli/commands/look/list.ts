import { Option, type Command } from "commander";
import type { Flag, FlagList } from "../../api/answers.ts";
import type { ListFilter } from "../../api/client.ts";
import type { Cli } from "../../cli.ts";
import { audienceOf, stateOf } from "../../words/flag-words.ts";
import { percentInWords, timeInWords } from "../../words/amounts.ts";
import { formatTable, type Cell } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";

interface Options {
  readonly search?: string;
  readonly enabled?: boolean;
  readonly disabled?: boolean;
  readonly archived?: boolean;
  readonly tag?: string;
  readonly owner?: string;
  readonly sort: string;
  readonly reverse?: boolean;
  readonly json?: boolean;
}

/** The API's sort order for each --sort. */
const SORTS: { readonly [name: string]: string } = {
  key: "key",
  created: "created_at",
  updated: "updated_at",
  rollout: "rollout_pct",
};

export function addList(program: Command, cli: Cli): void {
  program
    .command("list")
    .description("List flags.")
    .option("--search <text>", "only flags with this in their key or description")
    .addOption(new Option("--enabled", "only flags that are on").conflicts("disabled"))
    .option("--disabled", "only flags that are off")
    .option("--archived", "archived flags instead of the others")
    .option("--tag <tag>", "only flags with this tag")
    .option("--owner <owner>", "only flags of this owner")
    .addOption(new Option("--sort <order>", "sort by").choices(Object.keys(SORTS)).default("key"))
    .option("--reverse", "reverse the order")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice list --enabled --sort rollout --reverse")
    .action(async (options: Options) => {
      const list = await readAll(cli, options);
      if (options.json === true) return cli.terminal.printJson(list);
      const { flags } = list;
      cli.terminal.print(flags.length === 0 ? emptyList(options) : tableOf(flags, cli));
    });
}

async function readAll(cli: Cli, options: Options) {
  const flags: Flag[] = [];
  let last: FlagList | undefined;
  for await (const page of cli.api().list(filterOf(options))) {
    flags.push(...page.flags);
    last = page;
    if (page.next_cursor !== null) cli.terminal.progress(`Reading flags: ${flags.length}`);
  }
  cli.terminal.progress("");
  // The revision of the last page; earlier pages had the same or an older one.
  return { flags, epoch: last?.epoch, revision: last?.revision, published: last?.published };
}

function filterOf(options: Options): ListFilter {
  const { search, tag, owner, archived } = options;
  const sort = `${options.reverse === true ? "-" : ""}${SORTS[options.sort] ?? "key"}`;
  return {
    sort,
    ...(search !== undefined && { q: search }),
    ...(tag !== undefined && { tag }),
    ...(owner !== undefined && { owner }),
    ...(archived === true && { archived: "true" }),
    ...(options.enabled === true && { enabled: "true" }),
    ...(options.disabled === true && { enabled: "false" }),
  };
}

function tableOf(flags: readonly Flag[], { terminal }: Cli): string {
  const rows = flags.map((flag): Cell[] => [
    visible(flag.key),
    stateOf(flag),
    percentInWords(flag.rollout_pct),
    audienceOf(flag),
    timeInWords(flag.updated_at),
    visible(flag.description),
  ]);
  return formatTable(["KEY", "STATE", "ROLLOUT", "FOR", "CHANGED", "DESCRIPTION"], rows, terminal);
}

function emptyList(options: Options): string {
  const isFiltered = filterNames.some((name) => options[name] !== undefined);
  return isFiltered ? "No flag matches." : "There are no flags yet. Create one: `sluice create <key>`";
}

const filterNames = ["search", "enabled", "disabled", "archived", "tag", "owner"] as const;
