/** Stands for the site's own origin where a path has to be read as a URL. */
const ORIGIN = "https://site.invalid";

/**
 * What is wrong with a gate's pattern. It is matched for every visitor, so it is kept to what matches in linear time or
 * near it: no regular expressions, no repetition, one wildcard for a segment.
 *
 * @returns undefined when it is sound
 */
export function gatePatternFault(pattern: string): string | undefined {
  const bare = pattern.replace(/\\./gu, "x");
  if (/[(){}+?]/.test(bare)) {
    return "must not hold ( ) { } + or ?: name one segment with :name, any rest with * (a backslash makes them literal)";
  }
  if ((bare.match(/\*/g) ?? []).length > 2) return "must have at most two *";
  if (bare.split("/").some((segment) => (segment.match(/\*|:\w/g) ?? []).length > 1)) {
    return "must have at most one * or :name between two slashes";
  }
  return isPattern(pattern) ? undefined : "is not a URLPattern for a pathname";
}

/** Whether a path leads to this site, and is written just as a browser would send it. */
export function isNormalPath(path: string): boolean {
  if (!URL.canParse(path, ORIGIN)) return false;
  const url = new URL(path, ORIGIN);
  return url.origin === ORIGIN && url.pathname + url.search + url.hash === path;
}

function isPattern(pathname: string): boolean {
  try {
    return new URLPattern({ pathname }) instanceof URLPattern;
  } catch {
    return false;
  }
}
