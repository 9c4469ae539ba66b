/** No browser sends these names twice; more values than this are ignored. */
const MAX_FOUND = 4;

/**
 * The first values of a name in a `Cookie` header, at most four. It looks at each character only a few times, however
 * many pairs there are.
 *
 * Only `;` separates pairs, and only spaces and tabs may come before one (RFC 6265, section 5.4). A comma is part of a
 * value, which a neighbouring host may have set. A name with one of Unicode's other blanks before it passes a browser's
 * check of the prefix `__Host-`, so it must not count as ours.
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
