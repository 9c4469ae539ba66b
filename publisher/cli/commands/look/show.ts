import type { Command } from "commander";
import { DEFAULT_BUCKET_BY } from "../../../../shared/flag/flag.ts";
import type { Flag } from "../../api/answers.ts";
import type { Cli } from "../../cli.ts";
import { flagCommand } from "../../input/flag-key.ts";
import { formatPairs } from "../../terminal/table.ts";
import { toSafeJson, visible } from "../../terminal/visible.ts";
import { idsInWords, percentInWords, timeInWords } from "../../words/amounts.ts";
import {
  actionInWords,
  gates,
  requirementInWords,
  requires,
  ruleInWords,
  stateOf,
  targeting,
} from "../../words/flag-words.ts";
import { warningsOf } from "../../words/warnings.ts";
import { variantInWords, variants } from "../../words/variant-words.ts";

/** Longest list of ids; `--json` shows all. */
const SHOWN_IDS = 10;

export function addShow(program: Command, cli: Cli): void {
  flagCommand(program, "show", "Show a flag.")
    .option("--json", "print JSON, with the flag's ETag and every id of its lists")
    .addHelpText("after", "\nExample:\n  sluice show ai_search")
    .action(async (key: string, options: { json?: boolean }) => {
      const { answer, etag } = await cli.api().get(key);
      if (options.json === true) return cli.terminal.printJson({ ...answer, etag });
      const { terminal } = cli;
      terminal.print(formatPairs(pairsOf(answer.flag, answer.revision, answer.published), terminal.paint));
      for (const line of warningsOf(answer.flag)) terminal.print(terminal.paint("dim", line));
    });
}

function pairsOf(flag: Flag, revision: number, published: boolean): (readonly [string, string])[] {
  return [
    ["key", visible(flag.key)],
    ["state", stateOf(flag).text],
    ["rollout", percentInWords(flag.rollout_pct)],
    ...targetingPairs(flag),
    ...dealPairs(flag),
    ...variantPairs(flag),
    ...requirePairs(flag),
    ...gatePairs(flag),
    ["description", visible(flag.description) || "-"],
    ["owner", visible(flag.owner) || "-"],
    ["tags", flag.tags.map((tag) => visible(tag)).join(", ") || "-"],
    ["without a fresh snapshot", visible(flag.fail_mode)],
    ["in x-flags", flag.in_header ? "yes" : "no"],
    ["for the browser", flag.client_visible ? "yes" : "no"],
    ["created", timeInWords(flag.created_at)],
    ["changed", timeInWords(flag.updated_at)],
    ...(flag.archived_at === null ? [] : [["archived", timeInWords(flag.archived_at)] as const]),
    ...(flag.invalid === undefined ? [] : [["not valid", visible(flag.invalid, 500)] as const]),
    ["all flags", `revision ${revision}, ${published ? "in Redis" : "NOT yet in Redis"}`],
  ];
}

function targetingPairs(flag: Flag): (readonly [string, string])[] {
  const parsed = targeting.safeParse(flag.targeting);
  if (!parsed.success) return [["targeting", visible(toSafeJson(flag.targeting).replace(/\s+/g, " "), 200)]];
  const { allowlist = [], blocklist = [], plans, employees_only: employeesOnly, rules = [] } = parsed.data;
  return [
    ["employees only", employeesOnly === true ? "yes" : "no"],
    ["plans", plans === undefined ? "any" : plans.map((plan) => visible(plan)).join(", ") || "none"],
    ["allowed", idsInWords(allowlist, SHOWN_IDS)],
    ["denied", idsInWords(blocklist, SHOWN_IDS)],
    ...rules.map((rule) => [`rule ${visible(rule.id, 64)}`, ruleInWords(rule)] as const),
  ];
}

/** Printed only when they differ from the defaults. */
function dealPairs({ bucket_by: bucketBy, salt }: Flag): (readonly [string, string])[] {
  return [
    ...(bucketBy === DEFAULT_BUCKET_BY ? [] : [["bucket by", visible(bucketBy, 128)] as const]),
    ...(salt === null ? [] : [["salt", visible(salt, 64)] as const]),
  ];
}

function variantPairs(flag: Flag): (readonly [string, string])[] {
  const parsed = variants.safeParse(flag.variants);
  if (!parsed.success) return [["variants", "not valid"]];
  return parsed.data.map((variant) => [
    `variant ${visible(variant.key, 64)}`,
    variantInWords(variant, parsed.data),
  ]);
}

function requirePairs(flag: Flag): (readonly [string, string])[] {
  const parsed = requires.safeParse(flag.requires);
  if (!parsed.success) return [["needs", "not valid"]];
  return parsed.data.length === 0 ? [] : [["needs", parsed.data.map(requirementInWords).join(", ")]];
}

function gatePairs(flag: Flag): (readonly [string, string])[] {
  const parsed = gates.safeParse(flag.gates);
  if (!parsed.success) return [["gates", "not valid"]];
  if (parsed.data.length === 0) return [["gates", "-"]];
  return parsed.data.map(({ pattern, otherwise }) => [
    "gate",
    `${visible(pattern)}: ${actionInWords(otherwise)} to visitors without the flag`,
  ]);
}
