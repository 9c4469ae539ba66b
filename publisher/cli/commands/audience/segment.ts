import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import type { JsonOption } from "../../edit/report-change.ts";
import { parseName } from "../../input/flag-key.ts";
import { formatPairs, formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { ifInWords, segmentPairs } from "../../words/segment-words.ts";
import { addSegmentEdits } from "./segment-edits.ts";

export function addSegment(program: Command, cli: Cli): void {
  const segment = program
    .command("segment")
    .description("Named groups of users, for the rules of any flag.")
    .addHelpText(
      "after",
      `
A rule uses a segment with {"userId": {"$inGroup": "testers"}}. The segment contains the listed ids and everyone who
matches its condition. Ids can be values of any attribute, for example {"organization": {"$inGroup": …}}.

Examples:
  sluice segment create testers --id u1,u2 --if '{"email": {"$endsWith": "@example.com"}}'
  sluice segment add testers u3 u4
  sluice rule add ai_search --if '{"userId": {"$inGroup": "testers"}}' --rollout 100`,
    );
  addListing(segment, cli);
  addShowing(segment, cli);
  addSegmentEdits(segment, cli);
}

function addListing(segment: Command, cli: Cli): void {
  segment
    .command("list")
    .description("List segments.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  sluice segment list")
    .action(async (options: JsonOption) => {
      const list = await cli.api().segments.list();
      if (options.json === true) return cli.terminal.printJson(list);
      if (list.segments.length === 0) {
        return cli.terminal.print("There are no segments yet. Create one: `sluice segment create <name>`");
      }
      const rows = list.segments.map((one) => [
        visible(one.name),
        String(one.ids.length),
        one.invalid === undefined ? visible(ifInWords(one), 60) : "not valid",
        one.used_by.map((key) => visible(key, 64)).join(", ") || "-",
        visible(one.description),
      ]);
      cli.terminal.print(formatTable(["SEGMENT", "IDS", "IF", "USED BY", "DESCRIPTION"], rows, cli.terminal));
    });
}

function addShowing(segment: Command, cli: Cli): void {
  segment
    .command("show")
    .description("Show a segment.")
    .argument("<name>", "the segment", parseName)
    .option("--json", "print JSON, with its ETag and every id")
    .addHelpText("after", "\nExample:\n  sluice segment show testers")
    .action(async (name: string, options: JsonOption) => {
      const { answer, etag } = await cli.api().segments.get(name);
      if (options.json === true) return cli.terminal.printJson({ ...answer, etag });
      cli.terminal.print(formatPairs(segmentPairs(answer), cli.terminal.paint));
    });
}
