/** Of a name that no browser sends twice, more than these are somebody's game. */
const MAX_FOUND = 4;

/**
 * The values of a name in a `Cookie` header, in their order, four at most. Looks at each character a few times only,
 * however many pairs there are.
 *
 * Pairs are separated by `;` alone and led by blanks alone (RFC 6265, section 5.4). A comma belongs to the value of
 * another cookie, which a neighbouring host may have set; and a name that only Unicode's blanks keep from being ours
 * passes a browser's check of the prefix `__Host-`.
 */
export function findCookies(header: string | null, name: string): readonly string[] {
  const found: string[] = [];
  if (header === null) return found;
  const begin = `${name}=`;
  for (
    let at = header.indexOf(begin);
    at !== -1 && found.length < MAX_FOUND;
    at = header.indexOf(begin, at + 1)
  ) {
    if (!beginsPair(header, at)) continue;
    const from = at + begin.length;
    const semicolon = header.indexOf(";", from);
    found.push(trimEnd(header.slice(from, semicolon === -1 ? undefined : semicolon)));
  }
  return found;
}

function beginsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (isBlank(header[before])) before -= 1;
  return before < 0 || header[before] === ";";
}

function trimEnd(value: string): string {
  let end = value.length;
  while (isBlank(value[end - 1])) end -= 1;
  return value.slice(0, end);
}

const isBlank = (character: string | undefined): boolean => character === " " || character === "\t";
