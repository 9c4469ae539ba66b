/** SGR codes: the start and the end of a style. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Style = keyof typeof STYLES;

/** Colours a text, or returns it unchanged without colours. */
export type Paint = (style: Style, text: string) => string;

export function createPaint(colours: boolean): Paint {
  if (!colours) return (_style, text) => text;
  return (style, text) => {
    const [begin, end] = STYLES[style];
    return `\x1b[${begin}m${text}\x1b[${end}m`;
  };
}

/**
 * Whether to use colours on a stream. NO_COLOR (https://no-color.org) wins over FORCE_COLOR, and FORCE_COLOR over the kind
 * of stream.
 */
export function wantsColours(
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  if (environment["NO_COLOR"]) return false;
  const force = environment["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return isTerminal && environment["TERM"] !== "dumb";
}
