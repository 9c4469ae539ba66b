import { visible } from "../terminal/visible.ts";
import { namedPlace } from "./pointer-places.ts";
import { stepsOf, valueAt } from "./value-at.ts";

const ATTRIBUTE = "the attribute";

/** What people typed for what a pointer of the API names. */
const WORDS: readonly (readonly [pointer: RegExp, words: string])[] = [
  [/^$/, "this"],
  [/^\/?key$/, "<key>"],
  [/^\/?name$/, "<name>"],
  [/^\/description$/, "the description"],
  [/^\/?owner$/, "--owner"],
  [/^\/tags(\/|$)/, "--tag"],
  [/^tag$/, "--tag"],
  [/^q$/, "--search"],
  [/^sort$/, "--sort"],
  [/^\/rollout_pct$/, "<percent>"],
  [/^\/targeting\/allowlist(\/|$)/, "--allow"],
  [/^\/targeting\/blocklist(\/|$)/, "--deny"],
  [/^\/targeting\/plans(\/|$)/, "--plan"],
  [/^\/targeting\/employees_only$/, "--employees-only"],
  [/^\/gates\/\d+\/pattern$/, "--add"],
  [/^\/gates\/\d+\/otherwise\/page$/, "--page"],
  [/^\/gates\/\d+\/otherwise\/redirect$/, "--redirect"],
  [/^\/gates\/\d+\/otherwise\/rewrite$/, "--rewrite"],
  [/^\/gates\/\d+\/otherwise/, "--rewrite, --redirect or --status"],
  [/^\/targeting$/, "the targeting:"],
  [/^\/targeting\/rules$/, "the rules:"],
  [/^\/variants$/, "the variants:"],
  [/^\/requires$/, "what it needs:"],
  [/^\/contexts$/, "--contexts"],
  [/^\/bucket_by$/, "--by"],
  [/^\/salt$/, "--salt"],
  [/^\/in_header$/, "this flag:"],
  [/^\/(ids|add|remove)(\/|$)/, "<id>"],
  [/^\/context\/userId$/, "--user"],
  [/^\/context\/anonymousId$/, "--anonymous"],
  [/^\/context\/plan$/, "--plan"],
  [/^\/context\/isEmployee$/, "--employee"],
  [/^\/context$/, "the evaluation context:"],
  [/^\/context\//, ATTRIBUTE],
  [/^\/expires_in$/, "--for"],
  [/^\/url$/, "<url>"],
  [/^\/draft\/rollout_pct$/, "--rollout"],
  [/^\/draft\/enabled$/, "--enable"],
];

/** Words by the pointers that they stand for, and for all that is below these: `{"/ids": "--id-file"}`. */
export type TypedWords = Readonly<Record<string, string>>;

/**
 * A pointer of an API problem in the CLI's words, with what stands there: `--allow "anon-1"`.
 *
 * @param typed what wins over the usual words
 */
export function inWords(pointer: string, sent: unknown, typed: TypedWords = {}): string {
  const steps = stepsOf(pointer);
  const known =
    Object.entries(typed).find(([at]) => pointer === at || pointer.startsWith(`${at}/`))?.[1] ??
    WORDS.find(([pattern]) => pattern.test(pointer))?.[1];
  const place = known === undefined ? namedPlace(steps, sent) : undefined;
  if (place !== undefined) return place;
  const words = known ?? visible(pointer, 80);
  // What an option has no words for is found by its name in what was typed.
  if (words === ATTRIBUTE) return `${words} "${visible(steps.at(-1) ?? "", 60)}"`;
  const value = pointer.startsWith("/") ? valueAt(sent, steps) : undefined;
  return typeof value === "string" ? `${words} "${visible(value, 60)}"` : words;
}
