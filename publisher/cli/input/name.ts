import { InvalidArgumentError } from "commander";
import { KEY_PATTERN } from "../../../shared/flag.ts";

/** The id of a rule, the key of a variant or the name of a segment, from the command line. */
export function parseName(text: string): string {
  if (KEY_PATTERN.test(text)) return text;
  throw new InvalidArgumentError(
    "It begins with a lower-case letter and holds only a-z, 0-9, _ and -, at most 64 of them.",
  );
}

/** Several of them. */
export function collectNames(text: string, previous: readonly string[] = []): readonly string[] {
  return [...new Set([...previous, parseName(text)])];
}
