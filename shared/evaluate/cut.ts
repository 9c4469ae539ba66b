/** What an explanation repeats of a value: enough to know it again. */
const MAX_TEXT = 120;
const MAX_ITEMS = 10;
const MAX_DEPTH = 4;

/**
 * A value, shortened for people: long texts, lists and objects end with "…". Lists that are sets become arrays.
 *
 * @example
 * cut(["a", "b", …]) // ["a", "b", …, "… 9,990 more"]
 */
export function cut(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_DEPTH) return "…";
  if (Array.isArray(value)) return cutItems(value, value.length, depth);
  if (value instanceof Set) return cutItems(value, value.size, depth);
  const members = Object.entries(value);
  const shown = members.slice(0, MAX_ITEMS).map(([name, member]) => [name, cut(member, depth + 1)] as const);
  // Object.fromEntries makes own members whatever their names are.
  return Object.fromEntries(
    members.length > MAX_ITEMS ? [...shown, ["…", more(members.length)] as const] : shown,
  );
}

function cutItems(items: Iterable<unknown>, count: number, depth: number): unknown[] {
  const shown: unknown[] = [];
  for (const item of items) {
    if (shown.length === MAX_ITEMS) return [...shown, more(count)];
    shown.push(cut(item, depth + 1));
  }
  return shown;
}

const more = (count: number): string => `… ${count - MAX_ITEMS} more`;
