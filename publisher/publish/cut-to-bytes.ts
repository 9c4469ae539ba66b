const ELLIPSIS = "…";

/** A text of at most `maximum` bytes in JSON's UTF-8, without its quotes; one that is cut ends with "…". */
export function cutToBytes(text: string, maximum: number): string {
  if (bytesOf(text) <= maximum) return text;
  let kept = "";
  let left = maximum - bytesOf(ELLIPSIS);
  for (const character of text) {
    left -= bytesOf(character);
    if (left < 0) break;
    kept += character;
  }
  return kept + ELLIPSIS;
}

const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;
