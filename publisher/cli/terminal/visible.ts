/**
 * Everything that could move a terminal's cursor, change its state, or show text in another order than it stands:
 * control characters, bidirectional controls, line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\p{Cs}]/gu;

/** The colours that `paint` itself makes; nothing else of ESC leaves this program. */
const COLOUR = /\x1b\[[0-9;]*m/y; // oxlint-disable-line no-control-regex -- ESC is what this is about

/**
 * Text from outside (the API, a file, the command line) for a terminal: one line in which everything dangerous is
 * shown instead of sent, an ESC as `\u{1b}`.
 *
 * @param maximum characters that are shown; the rest becomes an ellipsis
 */
export function visible(text: string, maximum = Number.POSITIVE_INFINITY): string {
  const cut = text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text;
  return cut.replace(UNSAFE, escapeCharacter);
}

/** The last gate before the terminal, for whole outputs: lets line ends and, when wanted, colours through. */
export function keepOnlyColours(text: string, colours: boolean): string {
  return text.replace(UNSAFE, (character, offset: number) => {
    if (character === "\n") return character;
    if (character !== "\x1b") return escapeCharacter(character);
    COLOUR.lastIndex = offset;
    return colours && COLOUR.test(text) ? character : escapeCharacter(character);
  });
}

/** JSON for standard output. JSON.stringify leaves DEL, C1 and bidirectional controls as they are. */
export function toSafeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`;
}
