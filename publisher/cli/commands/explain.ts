import { InvalidArgumentError, type Command } from "commander";
import type { Explanation } from "../api/answers.ts";
import type { Cli } from "../cli.ts";
import { parseFlagKey } from "../input/flag-key.ts";
import { percentInWords } from "../show/flag-words.ts";
import { formatPairs } from "../table.ts";
import { visible } from "../visible.ts";

interface Options {
  readonly user?: string;
  readonly anonymous?: string;
  readonly plan?: string;
  readonly employee?: boolean;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly json?: boolean;
}

export function addExplain(program: Command, cli: Cli): void {
  program
    .command("explain")
    .description("Say whether a flag is on for somebody, and why.")
    .argument("<key>", "the flag", parseFlagKey)
    .option("--user <id>", "their user id")
    .option("--anonymous <id>", "the id of their anonymous cookie")
    .option("--plan <plan>", "the plan they are on")
    .option("--employee", "they are an employee")
    .option("--context <json>", "the whole evaluation context; the options above win over it", parseContext)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  sluice explain ai_search --user u1 --plan enterprise
  sluice explain ai_search --context '{"userId": "u1", "isEmployee": true}'`,
    )
    .action(async (key: string, options: Options) => {
      const explanation = await cli.api().explain(key, contextOf(options));
      if (options.json === true) return cli.terminal.printJson(explanation);
      cli.terminal.print(formatPairs(pairsOf(explanation), cli.terminal.paint));
    });
}

function contextOf({ user, anonymous, plan, employee, context }: Options): Readonly<Record<string, unknown>> {
  return {
    ...context,
    ...(user !== undefined && { userId: user }),
    ...(anonymous !== undefined && { anonymousId: anonymous }),
    ...(plan !== undefined && { plan }),
    ...(employee === true && { isEmployee: true }),
  };
}

/** Why, for each rule of the evaluation order. */
const RULES: { readonly [rule: string]: { readonly on: string; readonly off: string } } = {
  off: { on: "", off: "it was killed" },
  enabled: { on: "", off: "it is switched off" },
  allowlist: { on: "their user id is allowed", off: "" },
  blocklist: { on: "", off: "their user id is denied" },
  plans: { on: "", off: "they are on none of its plans" },
  employees_only: { on: "they are an employee", off: "it is for employees only" },
  rollout_pct: {
    on: "they are within the rollout percentage",
    off: "they are beyond the rollout percentage",
  },
};

const FAULTS: { readonly [code: string]: string } = {
  TARGETING_KEY_MISSING: "the percentage needs a user id or an anonymous id",
  PARSE_ERROR: "the flag is not valid as it stands in Postgres",
  FLAG_NOT_FOUND: "the edge knows no such flag",
};

function pairsOf(explanation: Explanation): (readonly [string, string])[] {
  const { flag_key: key, value, reason, rule, error_code: errorCode, bucket, invalid } = explanation;
  return [
    [visible(key, 64), value ? "on" : "off"],
    ["because", visible(invalid ?? becauseOf(explanation) ?? reason, 300)],
    ["reason", visible(errorCode === undefined ? reason : `${reason} (${errorCode})`, 80)],
    ...(rule === undefined ? [] : [["rule", visible(rule, 80)] as const]),
    ...(bucket === undefined ? [] : [["their place", `${placeInWords(bucket)} of 100`] as const]),
    ["in below", percentInWords(explanation.rollout_pct)],
    ...edgePairs(explanation),
  ];
}

function becauseOf({ value, rule, error_code: errorCode }: Explanation): string | undefined {
  const fault = errorCode === undefined ? undefined : FAULTS[errorCode];
  return fault ?? (rule === undefined ? undefined : RULES[rule]?.[value ? "on" : "off"]);
}

/** Rounded down, so that nobody is shown at a percentage that they are still below. */
function placeInWords(bucket: number): string {
  return (Math.floor(bucket * 10_000) / 10_000).toFixed(4);
}

/** What stands between this answer, which is that of Postgres, and the edge. */
function edgePairs(explanation: Explanation): (readonly [string, string])[] {
  const { killed_at_edge: killed, edge_fault: fault, published, revision } = explanation;
  return [
    ...(killed === null
      ? [["at the edge", `not known: ${visible(fault ?? "Redis does not say", 300)}`] as const]
      : []),
    ["all flags", `revision ${revision}, ${published ? "in Redis" : "NOT yet in Redis"}`],
  ];
}

function parseContext(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError(`Write a JSON object, like '{"userId": "u1"}', and quote it.`);
}
