/** As often as anything between the worker and the page may decode a path. */
const MAX_DECODINGS = 4;

const decoder = new TextDecoder();

/**
 * All that an origin may take a path for, so that no spelling of it leads past a gate. Frameworks disagree on what they
 * decode, merge, cut and resolve, and in which order; a gate is closed when it matches any of these.
 *
 * - as sent; this and each of the following as it is, and without slashes at its end
 * - percent-encoding decoded, also when it was encoded several times: all of it, or all but slashes
 * - backslashes as slashes
 * - several slashes as one
 * - `.` and `..` resolved, or standing for a name
 * - without `;parameters` in segments, and without what follows a `?` or `#` that was encoded
 *
 * Letters' case is the pattern's affair: it ignores it.
 *
 * @param pathname of a URL, so with a slash first and plain dot segments resolved
 */
export function toPathForms(pathname: string): readonly string[] {
  const forms = new Set<string>();
  const add = (form: string): void => {
    const rooted = form.startsWith("/") ? form : `/${form}`;
    forms.add(rooted).add(rooted.replace(/(?<=.)\/+$/, ""));
  };
  add(pathname);
  // What holds none of these has one meaning only.
  if (!/[%\\;]|\/\//.test(pathname)) return [...forms];

  for (const decoded of [pathname, decode(pathname, KEEPING_SLASHES), decode(pathname, ALL)]) {
    const slashed = decoded.replaceAll("\\", "/");
    for (const cut of [slashed, slashed.replace(/[?#].*$/s, "").replace(/;[^/]*/g, "")]) {
      const merged = cut.replace(/\/{2,}/g, "/");
      for (const path of [cut, merged]) {
        add(nameDots(path));
        add(resolveDots(path));
      }
    }
  }
  return [...forms];
}

const ALL = /(?:%[0-9a-f]{2})+/gi;
const KEEPING_SLASHES = /(?:%(?!2f|5c)[0-9a-f]{2})+/gi;

function decode(path: string, escapes: RegExp): string {
  let decoded = path;
  for (let round = 0; round < MAX_DECODINGS; round += 1) {
    const next = decoded.replace(escapes, decodeEscapes);
    if (next === decoded) break;
    decoded = next;
  }
  return decoded;
}

/** What a run of escapes stands for; bytes that are no UTF-8 become U+FFFD. */
export function decodeEscapes(run: string): string {
  const bytes = run.split("%").slice(1);
  return decoder.decode(Uint8Array.from(bytes, (hex) => Number.parseInt(hex, 16)));
}

/** A URLPattern would resolve them by itself: this keeps the path as deep as it is written. */
function nameDots(path: string): string {
  return path.replace(/(?<=\/|^)\.{1,2}(?=\/|$)/g, "_");
}

function resolveDots(path: string): string {
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
