/** The request line's path and query, decoded to bytes. */
export interface RequestTarget {
  readonly segments: readonly Buffer[];
  /** `?EX=100&NX` as `[["EX", "100"], ["NX"]]`, without `_token`. */
  readonly options: readonly (readonly Buffer[])[];
  /** The token in `?_token=…`. */
  readonly token: string | undefined;
}

/** Reads `/set/foo/%ff?EX=100&_token=…`. Not by URL, which would resolve `..` and change bytes that are not UTF-8. */
export function parseRequestTarget(target: string): RequestTarget {
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? "" : target.slice(mark + 1);
  const trimmed = path.replace(/^\//, "").replace(/\/$/, "");
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map(parsePair);
  const isToken = (pair: readonly Buffer[]): boolean => pair[0]?.toString() === "_token";
  return {
    segments: trimmed === "" ? [] : trimmed.split("/").map(decodePercent),
    options: pairs.filter((pair) => !isToken(pair)),
    token: pairs.find(isToken)?.[1]?.toString(),
  };
}

function parsePair(pair: string): readonly Buffer[] {
  const spaced = pair.replaceAll("+", " ");
  const equals = spaced.indexOf("=");
  return equals === -1
    ? [decodePercent(spaced)]
    : [decodePercent(spaced.slice(0, equals)), decodePercent(spaced.slice(equals + 1))];
}

/** `%ff` is the byte 255, which decodeURIComponent cannot express; a lone `%` stays as it is. */
function decodePercent(text: string): Buffer {
  const parts = text.split(/(%[0-9a-fA-F]{2})/);
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 1 ? Buffer.from(part.slice(1), "hex") : Buffer.from(part))),
  );
}
