/**
 * Characters that could move the cursor, change the terminal's state or reorder text: control characters, bidirectional
 * controls, line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\p{Cs}]/gu;

/** The colours of `paint`. All other uses of ESC are escaped. */
const COLOUR = /\x1b\[[0-9;]*m/y; // oxlint-disable-line no-control-regex -- ESC is what this is about

/**
 * Makes text from outside (the API, a file, the command line) safe for a terminal: one line, with dangerous characters
 * escaped, such as ESC as `\u{1b}`.
 *
 * @param maximum longest result in characters; the rest becomes an ellipsis
 */
export function visible(text: string, maximum = Number.POSITIVE_INFINITY): string {
  const cut = text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text;
  return cut.replace(UNSAFE, escapeCharacter);
}

/** The last filter before the terminal: keeps line ends and, if wanted, colours. */
export function keepOnlyColours(text: string, colours: boolean): string {
  return text.replace(UNSAFE, (character, offset: number) => {
    if (character === "\n") return character;
    if (character !== "\x1b") return escapeCharacter(character);
    COLOUR.lastIndex = offset;
    return colours && COLOUR.test(text) ? character : escapeCharacter(character);
  });
}

/** JSON for standard output. JSON.stringify does not escape DEL, C1 and bidirectional controls. */
export function toSafeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`;
}
