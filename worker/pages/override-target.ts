/** The longest way back, in characters. */
const MAX_TARGET = 2_048;

/**
 * Where a link leads to once its override is in force: a path of this site, with query and fragment.
 *
 * @param to as it stands in the link; anybody may have written it
 * @returns undefined for everything that a browser could take for another site
 */
export function readTarget(to: string): string | undefined {
  // Printable ASCII alone: the URL parser drops tabs and line ends, and takes `\` for `/`.
  if (to.length > MAX_TARGET || !/^\/[\x21-\x7e]*$/.test(to) || to.includes("\\")) return undefined;
  const base = new URL("https://site.invalid");
  const url = URL.parse(to, base);
  if (url === null || url.origin !== base.origin) return undefined;
  // `/.//elsewhere.example` is a path until a browser reads it again as a `Location`.
  return url.pathname.startsWith("//") ? undefined : `${url.pathname}${url.search}${url.hash}`;
}
