import { KEY_PATTERN } from "../../shared/flag/flag.ts";
import { isObject } from "../../shared/flag/members.ts";

const OPERATORS: ReadonlySet<string> = new Set(["$inGroup", "$notInGroup"]);

/**
 * The segments that rules ask for.
 *
 * @param rules unchecked, however deep: plain SQL may have put them there
 */
export function segmentNamesIn(rules: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  // No recursion: what is nested deeper than any condition may be must not exhaust the engine's stack.
  const open: unknown[] = [rules];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) {
      for (const item of value) open.push(item);
    } else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) {
        if (OPERATORS.has(name) && typeof member === "string" && KEY_PATTERN.test(member)) names.add(member);
        else open.push(member);
      }
    }
  }
  return names;
}

/** The rules of a targeting, unchecked like it. */
export function rulesOf(targeting: unknown): unknown {
  return isObject(targeting) ? targeting["rules"] : undefined;
}
