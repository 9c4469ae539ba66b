/**
 * Extensions of files that many pages share. Any other extension may be a page's content in another form, such as
 * `/ai.json`, `/ai.html`, `/ai.rsc` or `/ai.data`.
 */
const ASSETS =
  "css|m?js|cjs|map|wasm|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|otf|eot|mp[34]|m4[av]|webm|og[gv]|wav|webmanifest";

/** Extensions of programs, which receive the rest of the path as their argument (CGI's PATH_INFO). */
const PROGRAMS = "php|cgi|fcgi|pl|py|rb|asp|aspx|ashx|jsp|jspx|do|dll";

/** Extensions of pages, after which some servers ignore the rest of the path. */
const DOCUMENTS = "s?html?|xhtml";

/**
 * Other addresses under which frameworks serve a page, as a pattern and its replacement. All patterns match in linear time:
 * no part of them can be repeated in two ways.
 */
const DOORS: readonly (readonly [pattern: RegExp, page: string])[] = [
  // Next.js, pages router: /_next/data/<build>/ai.json; a later pattern removes the extension.
  // The origin may have a base path that the gate does not know.
  [/\/_next\/data\/[^/]+(?=\/)/i, ""],
  [/^.*?\/_next\/data\/[^/]+(?=\/)/i, ""],
  [/\/_next\/data\/[^/]+\/[a-z]{2}(?:-[a-z]{2,4})?(?:\.json$|(?=\/))/i, ""],
  // Next.js, app router: /ai.segments/_tree.segment.rsc and /ai/__next._tree.txt, beside .rsc, .prefetch.rsc and .txt.
  [/\.segments(?:\/.*)?$/i, ""],
  [/\/__next\.[^/]*$/i, ""],
  // SvelteKit: /ai/__data.json, /ai.html__data.json, /ai/__route.js
  [/__(?:data\.json|route\.js)$/i, ""],
  // Nuxt: /ai/_payload.json; Nuxt 2: /_nuxt/static/<version>/ai/payload.js
  [/\/_?(?:payload|state)\.js(?:on)?$/i, ""],
  [/\/_nuxt\/static\/[^/]+(?=\/)/i, ""],
  // React Router and Remix: /_root.data, /ai/_.data, beside /ai.data
  [/\/_(?:root)?\.data$/i, ""],
  // Qwik: /ai/q-data.json, /ai/q-loader-data.<id>.json
  [/\/q-(?:data|loader)[^/]*\.json$/i, ""],
  // Gatsby: /page-data/ai/page-data.json
  [/\/page-data(?=\/.*\/page-data\.json$)/i, ""],
  [/\/page-data\.json$/i, ""],
  // Programs: /index.php/ai and /app/index.php/ai are /ai for a framework, and /ai.php/x is /ai for CGI.
  [new RegExp(String.raw`^.*?\/[^/]+\.(?:${PROGRAMS})(?=\/)`, "i"), ""],
  [new RegExp(String.raw`\/[^/]+\.(?:${PROGRAMS})(?=\/)`, "i"), ""],
  [new RegExp(String.raw`(\.(?:${PROGRAMS}|${DOCUMENTS}))\/.*$`, "i"), "$1"],
  // Any other form of a page, and the index page of a folder.
  [new RegExp(String.raw`(?<=[^/])\.(?!(?:${ASSETS})$)[\w-]{1,16}$`, "i"), ""],
  [/\/(?:index|default)$/i, ""],
];

/** A quick check: no other path matches one of the patterns. */
const MAY_BE = /\.|\/(?:index|default)$/i;

/** The pages that a framework may serve at this path, one replacement each; none for most paths. */
export function pagesBehind(path: string): readonly string[] {
  if (!MAY_BE.test(path)) return [];
  return DOORS.flatMap(([pattern, page]) => (pattern.test(path) ? [path.replace(pattern, page)] : []));
}

/** Query parameters that replace the URL's path, in Astro's and SvelteKit's adapters for Vercel. */
const PATH_PARAMETERS: ReadonlySet<string> = new Set(["x_astro_path", "__pathname"]);

/** The paths that a query puts in place of the URL's path. @param search with its question mark, or empty */
export function pathsInQuery(search: string): readonly string[] {
  return partsOf(search).flatMap(({ name, value }) => (PATH_PARAMETERS.has(name) ? [value] : []));
}

/** The query without these parameters; all others stay byte for byte. */
export function withoutPaths(search: string): string {
  return partsOf(search)
    .filter(({ name }) => !PATH_PARAMETERS.has(name))
    .map(({ part }) => part)
    .join("&");
}

function partsOf(search: string) {
  return search
    .replace(/^\?/, "")
    .split("&")
    .map((part) => {
      const [[name = "", value = ""] = []] = new URLSearchParams(part);
      return { part, name: name.toLowerCase(), value };
    });
}
