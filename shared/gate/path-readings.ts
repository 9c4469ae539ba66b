import { decodeEscapes } from "./decode-escapes.ts";
import { pagesBehind } from "./side-doors.ts";

/** All paths that an origin may read a path as. */
export interface PathReadings {
  readonly paths: readonly string[];
  /** False when there are too many readings. The path then counts as every page. No ordinary link is like that. */
  readonly isComplete: boolean;
}

/** Limits of the cost of one request: the number of readings, and their characters in total. */
const MAX_READINGS = 256;
const MAX_CHARACTERS = 200_000;

const ESCAPES = /(?:%[0-9a-f]{2})+/gi;
const ESCAPES_BUT_SLASHES = /(?:%(?!2f|5c)[0-9a-f]{2})+/gi;

/**
 * The changes that servers and frameworks make to a path before they look up a page. No server makes all of them, and the
 * order differs, so every step is applied to every reading.
 */
const STEPS: readonly ((path: string) => readonly string[])[] = [
  // Percent escapes, also nested ones: all of them, or all except slashes. Then IIS' own %u escapes.
  (path) => (path.includes("%") ? [path.replace(ESCAPES, decodeEscapes)] : []),
  (path) => (path.includes("%") ? [path.replace(ESCAPES_BUT_SLASHES, decodeEscapes)] : []),
  (path) => [
    path.replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  ],
  (path) => [path.replaceAll("\\", "/")],
  (path) => [path.replace(/\/{2,}/g, "/")],
  // `new URL(request.url, base)` takes the segment after two slashes for a host.
  (path) => [path.replace(/^\/{2,}[^/]*/, "")],
  // `;` begins a path parameter, or, for some servers, the query.
  (path) => [path.replace(/;[^/]*/g, ""), path.replace(/;.*$/s, "")],
  // An escaped `?` or `#`, or a NUL, which ends a string in C.
  // oxlint-disable-next-line no-control-regex -- The pattern looks for NUL.
  (path) => [path.replace(/[?#\u0000].*$/s, "")],
  // URL parsers drop tabs and line ends. Some servers drop other control characters.
  // oxlint-disable-next-line no-control-regex
  (path) => [path.replace(/[\u0000-\u001f\u007f]+/g, "")],
  // Windows file names: `ai.`, `ai ` and `ai::$DATA` are `ai`.
  (path) => [path.replace(/::\$[^/]*/g, "").replace(/(?<=[^/. ])[. ]+(?=\/|$)/g, "")],
  foldLetters,
  (path) => [resolveDots(path)],
  withoutLastSlash,
  pagesBehind,
];

/** Most paths. Only two of the steps can change them. */
const PLAIN = /^(?:\/[\w-]+)+\/?$/;
const PLAIN_STEPS: typeof STEPS = [withoutLastSlash, pagesBehind];

/**
 * Returns all readings of a path, so that no spelling of it gets past a gate: a gate matches when it matches any reading.
 * Case is not changed, because patterns ignore it.
 *
 * @param pathname of a URL: it starts with a slash, and plain dot segments are resolved
 */
export function pathReadings(pathname: string): PathReadings {
  const readings = new Set<string>();
  let characters = 0;
  const add = (path: string): void => {
    const reading = path.startsWith("/") ? path : `/${path}`;
    if (readings.has(reading)) return;
    readings.add(reading);
    characters += reading.length;
  };
  add(pathname);
  // The loop also visits readings that are added to the set during the loop.
  for (const path of readings) {
    for (const step of PLAIN.test(path) ? PLAIN_STEPS : STEPS) {
      step(path).forEach(add);
      if (readings.size > MAX_READINGS || characters > MAX_CHARACTERS) {
        return { paths: [...readings], isComplete: false };
      }
    }
  }
  return { paths: [...readings], isComplete: true };
}

function withoutLastSlash(path: string): readonly string[] {
  return path.endsWith("/") ? [path.replace(/(?<=[^/])\/+$/, "")] : [];
}

/** Folds non-ASCII letters as an origin may: compatibility forms, accents, and invisible characters. */
function foldLetters(path: string): readonly string[] {
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u007f]*$/.test(path)) return [];
  const visible = path.replace(/\p{Default_Ignorable_Code_Point}+/gu, "");
  const bare = visible.normalize("NFKD").replace(/\p{Mn}+/gu, "");
  return [
    path.normalize("NFC"),
    ...[visible.normalize("NFKC"), bare].map((text) => text.toUpperCase().toLowerCase()),
  ];
}

function resolveDots(path: string): string {
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
    if (isLast && (segment === "." || segment === "..")) kept.push("");
  }
  return `/${kept.join("/")}`;
}
