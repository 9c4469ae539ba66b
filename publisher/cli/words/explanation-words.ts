import type { Explained } from "../api/answers.ts";
import { visible } from "../terminal/visible.ts";

/** Why, for each rule of the evaluation order. */
const RULES: { readonly [rule: string]: { readonly on: string; readonly off: string } } = {
  off: { on: "", off: "it was killed" },
  enabled: { on: "", off: "it is switched off" },
  requires: { on: "", off: "a flag that it needs is not on for them" },
  override: { on: "a test override forces it", off: "a test override forces it" },
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
  PARSE_ERROR: "the flag is not valid as it stands in Postgres",
  FLAG_NOT_FOUND: "the edge knows no such flag",
};

/** On, with the variant when it has some, or off. */
export function verdictInWords({ value, variant }: Explained): string {
  if (!value) return "off";
  return variant === "on" ? "on" : `on, ${visible(variant, 64)}`;
}

/** Why a flag is what it is, in one line. */
export function becauseInWords(explained: Explained): string {
  const { invalid, reason, value, rule, error_code: errorCode } = explained;
  if (invalid !== undefined) return visible(invalid, 300);
  if (errorCode === "TARGETING_KEY_MISSING") return missingIdInWords(explained);
  const known = errorCode === undefined ? undefined : FAULTS[errorCode];
  if (known !== undefined) return known;
  if (rule === "rules") return ruleInWords(explained);
  return (rule === undefined ? undefined : RULES[rule]?.[value ? "on" : "off"]) ?? visible(reason, 80);
}

function ruleInWords({ value, rule_id: id, steps }: Explained): string {
  const share = steps.findLast(({ step }) => step === "rules")?.share;
  const matched = `the rule ${visible(id ?? "", 64)} matches them`;
  if (share === undefined || (value && share.rollout_pct === 100)) return matched;
  return `${matched}, and they are ${value ? "within" : "beyond"} its percentage`;
}

function missingIdInWords({ rule, bucket_by: flagBucketBy, steps }: Explained): string {
  const place = steps.findLast(({ share, draw }) => share !== undefined || draw !== undefined);
  const bucketBy = (place?.draw ?? place?.share)?.bucket_by ?? flagBucketBy;
  const what = rule === "variants" ? "the variant" : "the percentage";
  if (bucketBy === "targetingKey") return `${what} needs a user id or an anonymous id`;
  return `${what} needs their ${visible(bucketBy, 128)}`;
}

/** The step that decided, with the rule's id. */
export function decidingStep({ rule, rule_id: id }: Explained): string | undefined {
  if (rule === undefined) return undefined;
  return visible(id === undefined ? rule : `${rule}: ${id}`, 150);
}
