import { SITE } from "../../shared/gate/closings.ts";

/**
 * Checks a gate's pattern. It is matched for every visitor, so it must match in about linear time: no regular
 * expressions, no repetition, one wildcard for a segment.
 *
 * @returns the fault; undefined for a valid pattern
 */
export function gatePatternFault(pattern: string): string | undefined {
  const bare = pattern.replace(/\\./gu, "x");
  if (/[(){}+?]/.test(bare)) {
    return "must not contain ( ) { } + or ?: use :name for one segment, * for any rest, or a backslash before a literal character";
  }
  if ((bare.match(/\*/g) ?? []).length > 2) return "must have at most two *";
  if (bare.split("/").some((segment) => (segment.match(/\*|:\w/g) ?? []).length > 1)) {
    return "must have at most one * or :name between two slashes";
  }
  return isPattern(pattern) ? undefined : "is not a valid URLPattern for a pathname";
}

/** Whether a path stays on this site, and is written as a browser sends it. */
export function isNormalPath(path: string): boolean {
  if (!URL.canParse(path, SITE.href)) return false;
  const url = new URL(path, SITE);
  return url.origin === SITE.origin && url.pathname + url.search + url.hash === path;
}

function isPattern(pathname: string): boolean {
  try {
    return new URLPattern({ pathname }) instanceof URLPattern;
  } catch {
    return false;
  }
}
