import { decodeEscapes } from "./decode-escapes.ts";
import { pagesBehind } from "./side-doors.ts";

/** All that an origin may take a path for. */
export interface PathReadings {
  readonly paths: readonly string[];
  /** False: there are more than can be told, so it must be taken for any page. No link of a site is like that. */
  readonly isComplete: boolean;
}

/** Bounds of what one request may cost: so many readings, of so many characters together. */
const MAX_READINGS = 256;
const MAX_CHARACTERS = 200_000;

const ESCAPES = /(?:%[0-9a-f]{2})+/gi;
const ESCAPES_BUT_SLASHES = /(?:%(?!2f|5c)[0-9a-f]{2})+/gi;

/**
 * What servers and frameworks do to a path before they look for a page, each as the path after it. None does all of it,
 * and they disagree on the order, so each step is taken from every reading.
 */
const STEPS: readonly ((path: string) => readonly string[])[] = [
  // Escapes, also those that were escaped several times: all of them, or all but slashes; and IIS' own.
  (path) => (path.includes("%") ? [path.replace(ESCAPES, decodeEscapes)] : []),
  (path) => (path.includes("%") ? [path.replace(ESCAPES_BUT_SLASHES, decodeEscapes)] : []),
  (path) => [
    path.replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  ],
  (path) => [path.replaceAll("\\", "/")],
  (path) => [path.replace(/\/{2,}/g, "/")],
  // Resolved against a base, as by `new URL(request.url, base)`, what stands behind two slashes is a host.
  (path) => [path.replace(/^\/{2,}[^/]*/, "")],
  // A parameter, or, where `;` begins the query, the end.
  (path) => [path.replace(/;[^/]*/g, ""), path.replace(/;.*$/s, "")],
  // A `?` or `#` that was escaped, or what ends a text in C.
  // oxlint-disable-next-line no-control-regex -- They are what is looked for.
  (path) => [path.replace(/[?#\u0000].*$/s, "")],
  // Tabs and line ends are no part of a URL, so its parser drops them; other control characters go elsewhere.
  // oxlint-disable-next-line no-control-regex
  (path) => [path.replace(/[\u0000-\u001f\u007f]+/g, "")],
  // Windows' names of files: `ai.`, `ai ` and `ai::$DATA` are `ai`.
  (path) => [path.replace(/::\$[^/]*/g, "").replace(/(?<=[^/. ])[. ]+(?=\/|$)/g, "")],
  foldLetters,
  (path) => [resolveDots(path)],
  withoutLastSlash,
  pagesBehind,
];

/** Most paths, which few of the steps change. */
const PLAIN = /^(?:\/[\w-]+)+\/?$/;
const PLAIN_STEPS: typeof STEPS = [withoutLastSlash, pagesBehind];

/**
 * All readings of a path, so that no spelling of it leads past a gate: a gate is closed when it matches any of them.
 * Letters' case is the pattern's affair: it ignores it.
 *
 * @param pathname of a URL, so with a slash first and plain dot segments resolved
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
  // A set is walked in the order of insertion, and what is added meanwhile is walked too.
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

/** Letters that are not ASCII's, as an origin may fold them into it: compatibility forms, accents, what is not seen. */
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
