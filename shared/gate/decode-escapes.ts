/**
 * Decodes a run of percent escapes as the least strict origin would. Overlong UTF-8 (`%c0%af`) is decoded, and a byte that is
 * not UTF-8 is taken for Latin-1.
 *
 * @param run such as `%c3%bc`
 */
export function decodeEscapes(run: string): string {
  const bytes = run
    .split("%")
    .slice(1)
    .map((hex) => Number.parseInt(hex, 16));
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const [codePoint, length] = readCharacter(bytes, at);
    text += String.fromCodePoint(codePoint);
    at += length;
  }
  return text;
}

/** The length of a UTF-8 sequence by its first byte, and the bits of that byte that belong to the code point. */
const LEADS = [
  { from: 0xf0, to: 0xf7, length: 4, bits: 0x07 },
  { from: 0xe0, to: 0xef, length: 3, bits: 0x0f },
  { from: 0xc0, to: 0xdf, length: 2, bits: 0x1f },
] as const;

function readCharacter(bytes: readonly number[], at: number): readonly [codePoint: number, length: number] {
  const first = bytes[at] ?? 0;
  const lead = LEADS.find(({ from, to }) => first >= from && first <= to);
  if (lead === undefined) return [first, 1];
  const rest = bytes.slice(at + 1, at + lead.length);
  if (rest.length < lead.length - 1 || rest.some((byte) => byte >> 6 !== 0b10)) return [first, 1];
  const codePoint = rest.reduce((value, byte) => (value << 6) | (byte & 0x3f), first & lead.bits);
  return codePoint > 0x10ffff ? [first, 1] : [codePoint, lead.length];
}
