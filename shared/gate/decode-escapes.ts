/**
 * What a run of percent escapes stands for to the least careful decoder. Overlong UTF-8 (`%c0%af`) is the character
 * that it spells out, and a byte that is no UTF-8 is one of Latin-1: some origin reads it so.
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

/** Bytes of a character by the first one's upper bits, and how many of its own bits count. */
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
