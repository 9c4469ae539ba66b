import { visible } from "../visible.ts";

/** What people typed for what a pointer of the API names. */
const WORDS: readonly (readonly [pointer: RegExp, words: string])[] = [
  [/^$/, "this"],
  [/^\/?key$/, "<key>"],
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
  [/^\/gates\/\d+\/otherwise/, "--rewrite, --redirect or --status"],
  [/^\/context\/userId$/, "--user"],
  [/^\/context\/anonymousId$/, "--anonymous"],
  [/^\/context\/plan$/, "--plan"],
  [/^\/context\/isEmployee$/, "--employee"],
  [/^\/context/, "--context"],
];

/** A pointer of an API problem in the CLI's words, with what stands there: `--allow "anon-1"`. */
export function inWords(pointer: string, sent: unknown): string {
  const words = WORDS.find(([pattern]) => pattern.test(pointer))?.[1] ?? visible(pointer, 80);
  const value = pointer.startsWith("/") ? valueAt(sent, pointer) : undefined;
  // What an option has no words for is found by its name in what was typed.
  if (words === "--context" && pointer !== "/context") return `--context: "${visible(nameIn(pointer), 60)}"`;
  return typeof value === "string" ? `${words} "${visible(value, 60)}"` : words;
}

/** The last step of a pointer. */
function nameIn(pointer: string): string {
  return unescapeStep(pointer.slice(pointer.lastIndexOf("/") + 1));
}

function unescapeStep(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** RFC 6901. */
function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const step of pointer.slice(1).split("/")) {
    const name = unescapeStep(step);
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
