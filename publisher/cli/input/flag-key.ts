import { InvalidArgumentError } from "commander";
import { KEY_PATTERN } from "../../../shared/flag/flag.ts";
import { visible } from "../terminal/visible.ts";

/** A flag's key from the command line. */
export function parseFlagKey(text: string): string {
  return parseKey(text, "A key");
}

/**
 * Whatever is written as a flag's key is.
 *
 * @param what it is called, for messages
 */
export function parseKey(text: string, what: string): string {
  if (KEY_PATTERN.test(text)) return text;
  if (text === "") throw new InvalidArgumentError(`${what} must not be empty.`);
  if (text.length > 64) throw new InvalidArgumentError(`${what} has at most 64 characters.`);
  // The user compares what is on the screen, where look-alikes look alike: so the code point is named.
  const [odd] = /[^a-z0-9_-]/u.exec(text) ?? [];
  const reason =
    odd === undefined
      ? `It begins with "${text.charAt(0)}".`
      : `It holds "${visible(odd)}" (U+${(odd.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}).`;
  throw new InvalidArgumentError(
    `${reason} ${what} begins with a lower-case letter and holds only a-z, 0-9, _ and -.`,
  );
}

/** The id of a rule, the key of a variant or the name of a segment, from the command line. */
export function parseName(text: string): string {
  return parseKey(text, "A name");
}

/** Several of them. */
export function collectNames(text: string, previous: readonly string[] = []): readonly string[] {
  return [...new Set([...previous, parseName(text)])];
}
