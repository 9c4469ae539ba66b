import { type Command, InvalidArgumentError } from "commander";
import { KEY_PATTERN } from "../../../shared/flag/flag.ts";
import { visible } from "../terminal/visible.ts";

/** Adds a command with the key of a flag as its first argument. */
export function flagCommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).argument("<key>", "the flag", parseFlagKey);
}

/** A flag's key from the command line. */
export function parseFlagKey(text: string): string {
  return parseKey(text, "A key");
}

/**
 * Parses a name with the syntax of a flag's key.
 *
 * @param what the noun for error texts
 */
export function parseKey(text: string, what: string): string {
  if (KEY_PATTERN.test(text)) return text;
  if (text === "") throw new InvalidArgumentError(`${what} must not be empty.`);
  if (text.length > 64) throw new InvalidArgumentError(`${what} must have at most 64 characters.`);
  // Look-alike characters look the same on the screen, so the code point is shown.
  const [odd] = /[^a-z0-9_-]/u.exec(text) ?? [];
  const reason =
    odd === undefined
      ? `It begins with "${text.charAt(0)}".`
      : `It contains "${visible(odd)}" (U+${(odd.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}).`;
  throw new InvalidArgumentError(
    `${reason} ${what} must begin with a lower-case letter and contain only a-z, 0-9, _ and -.`,
  );
}

/** The id of a rule, the key of a variant or the name of a segment, from the command line. */
export function parseName(text: string): string {
  return parseKey(text, "A name");
}

/** A repeatable name. */
export function collectNames(text: string, previous: readonly string[] = []): readonly string[] {
  return [...new Set([...previous, parseName(text)])];
}
