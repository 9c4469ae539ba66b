import { parseKey } from "./flag-key.ts";

/** The id of a rule, the key of a variant or the name of a segment, from the command line. */
export function parseName(text: string): string {
  return parseKey(text, "A name");
}

/** Several of them. */
export function collectNames(text: string, previous: readonly string[] = []): readonly string[] {
  return [...new Set([...previous, parseName(text)])];
}
