import { InvalidArgumentError } from "commander";

/** Items of a repeatable option whose values may be several, separated by commas: `--allow u1,u2 --allow u3`. */
export function collectItems(value: string, previous: readonly string[] = []): readonly string[] {
  const items = value.split(",");
  for (const item of items) {
    const problem = itemProblem(item) ?? (item.startsWith("--") ? SWALLOWED : undefined);
    if (problem !== undefined) throw new InvalidArgumentError(problem);
  }
  return [...new Set([...previous, ...items])];
}

/** `--allow --move` would otherwise allow somebody whose id is "--move". */
const SWALLOWED = "It looks like an option: name the value first, or read it from a file.";

/**
 * What is wrong with an item, if anything. They are used byte for byte, so that a blank too many would name somebody
 * else, and nobody would see it.
 */
export function itemProblem(item: string): string | undefined {
  if (item === "") return "One of its items is empty.";
  if (item !== item.trim()) return "One of its items begins or ends with white space.";
  // What a shell or Node made of bytes that are no UTF-8.
  if (item.includes("\ufffd")) return "One of its items is not UTF-8.";
  return undefined;
}
