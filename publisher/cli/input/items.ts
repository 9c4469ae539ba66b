import { InvalidArgumentError } from "commander";

/** Items of a repeatable option that also accepts commas: `--allow u1,u2 --allow u3`. */
export function collectItems(value: string, previous: readonly string[] = []): readonly string[] {
  const items = value.split(",");
  for (const item of items) {
    const problem = itemProblem(item) ?? (item.startsWith("--") ? SWALLOWED : undefined);
    if (problem !== undefined) throw new InvalidArgumentError(problem);
  }
  return [...new Set([...previous, ...items])];
}

/** Without this, `--allow --move` would allow a user with the id "--move". */
const SWALLOWED = "The value looks like an option: write the value first, or read it from a file.";

/**
 * The fault in an item; undefined when it is valid. Ids are compared byte by byte, so an extra space would silently name
 * another user.
 */
export function itemProblem(item: string): string | undefined {
  if (item === "") return "An item is empty.";
  if (item !== item.trim()) return "An item begins or ends with white space.";
  // The replacement character: the bytes were not UTF-8.
  if (item.includes("\ufffd")) return "An item is not UTF-8.";
  return undefined;
}
