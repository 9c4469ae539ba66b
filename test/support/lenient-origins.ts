/** How one kind of server or framework finds the page that a request is for. */
export type TakePath = (target: string, headers: Readonly<Record<string, string | undefined>>) => string;

/** Pages that only those may see for whom the flag is on. */
export function isAiPage(path: string): boolean {
  const page = path.toLowerCase().replace(/(?<=.)\/+$/, "");
  return (
    page === "/chat" ||
    page === "/ai" ||
    page.startsWith("/ai/") ||
    page.startsWith("/entwürfe/") ||
    page.startsWith("/notes/") ||
    page === "/docs/helper" ||
    page === "/ask.php"
  );
}

const pathOf = (target: string): string =>
  target.replace(/^https?:\/\/[^/?#\\]*/i, "").replace(/[?#].*$/s, "");

const queryOf = (target: string): URLSearchParams => new URLSearchParams(/\?([^#]*)/.exec(target)?.[1] ?? "");

/** Byte by byte, as a decoder does that was written before UTF-8 had rules: overlong forms, and Latin-1 for what is left. */
function decodeLoosely(path: string): string {
  const bytes = Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString("latin1");
  return bytes.replace(
    /[\xf0-\xf7][\x80-\xbf]{3}|[\xe0-\xef][\x80-\xbf]{2}|[\xc0-\xdf][\x80-\xbf]/g,
    (run) => {
      const [first = 0, ...rest] = Buffer.from(run, "latin1");
      const lead = first & (0xff >> (run.length + 1));
      return String.fromCodePoint(rest.reduce((value, byte) => value * 64 + (byte & 63), lead));
    },
  );
}

function decodeStrictly(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function resolve(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/").slice(1)) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

const merge = (path: string): string => path.replace(/\/+/g, "/");

/** After the manner of each, written down without a look at how gates read a path. */
export const ORIGINS: Readonly<Record<string, TakePath>> = {
  /** Most of them: once decoded, compared. */
  decoding: (target) => decodeStrictly(pathOf(target)),
  /** Decodes again behind a proxy that has decoded. */
  twice: (target) => resolve(decodeStrictly(decodeStrictly(decodeStrictly(pathOf(target))))),
  nginx: (target) => resolve(merge(decodeLoosely(pathOf(target)))),
  /** Parts first, what they hold afterwards. */
  segments: (target) => pathOf(target).split("/").map(decodeStrictly).join("/"),
  /** With `useSemicolonDelimiter`. */
  fastify: (target) => decodeStrictly(pathOf(target).replace(/;.*$/s, "")),
  tomcat: (target) => resolve(merge(decodeStrictly(pathOf(target).replace(/;[^/]*/g, "")))),
  iis: (target, headers) => {
    const path =
      headers["x-original-url"] ?? headers["x_original_url"] ?? headers["x-rewrite-url"] ?? pathOf(target);
    const decoded = decodeLoosely(path).replace(/%u([0-9a-f]{4})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    const slashed = resolve(merge(decoded.replaceAll("\\", "/")));
    return slashed
      .split("/")
      .map((segment) => segment.replace(/::\$.*$/, "").replace(/[. ]+$/, ""))
      .join("/")
      .replace(/\.aspx?$/i, "");
  },
  /** Folds what looks alike, as a database's collation or a slug does. */
  folding: (target) =>
    decodeStrictly(pathOf(target))
      .normalize("NFKD")
      .replace(/\p{Mn}|\p{Default_Ignorable_Code_Point}/gu, "")
      .toUpperCase()
      .toLowerCase(),
  /** A text ends at its first zero. */
  c: (target) => decodeStrictly(pathOf(target)).replace(/\0.*$/s, ""),
  /** Decodes, and parses the outcome as a URL once more. */
  reparsing: (target) => new URL(`https://site.invalid${decodeStrictly(pathOf(target))}`).pathname,
  /** Takes the target for a reference, and asks for the path of what it leads to. */
  resolving: (target) => decodeStrictly(new URL(target, "http://site.invalid").pathname),
  static: (target) =>
    decodeStrictly(pathOf(target))
      .replace(/\/+$/, "")
      .replace(/\.html?$/i, "")
      .replace(/\/(?:index|default)$/i, ""),
  next: (target, headers) => {
    const path =
      headers["x-matched-path"] ??
      headers["x-invoke-path"] ??
      headers["x-middleware-rewrite"] ??
      pathOf(target);
    const page = decodeStrictly(path)
      .replace(/^((?:\/[^/]+)?)\/_next\/data\/[^/]+(\/.*)\.json$/, "$2")
      .replace(/^\/(?:en|pt-br)(?=\/)/i, "");
    return page
      .replace(/\.segments\/.*\.segment\.rsc$/, "")
      .replace(/\/__next\.[^/]*\.txt$/, "")
      .replace(/(?:\.prefetch)?\.rsc$|\.txt$/, "")
      .replace(/\/index$/, "");
  },
  "next at /docs": (target) => pathOf(target).replace(/^\/docs\/_next\/data\/[^/]+(\/.*)\.json$/, "/docs$1"),
  "php at /docs": (target) => pathOf(target).replace(/^\/docs\/index\.php(?=\/)/, "/docs"),
  sveltekit: (target) => {
    const path = queryOf(target).get("__pathname") ?? decodeStrictly(pathOf(target));
    return path
      .replace(/\.html__data\.json$/, ".html")
      .replace(/\/__(?:data\.json|route\.js)$/, "")
      .replace(/\.html$/, "");
  },
  nuxt: (target) => decodeStrictly(pathOf(target)).replace(/\/_payload\.js(?:on)?$/, ""),
  "nuxt 2": (target) =>
    decodeStrictly(pathOf(target)).replace(/^\/_nuxt\/static\/[^/]+(\/.*)\/payload\.js$/, "$1"),
  "react router": (target) =>
    decodeStrictly(pathOf(target))
      .replace(/\/_root\.data$/, "")
      .replace(/\/_\.data$/, "")
      .replace(/\.data$/, ""),
  gatsby: (target) => pathOf(target).replace(/^\/page-data(\/.*)\/page-data\.json$/, "$1"),
  qwik: (target) => pathOf(target).replace(/\/q-(?:data|loader-data\.[^/]*)\.json$/, ""),
  astro: (target, headers) =>
    headers["x-astro-path"] ?? queryOf(target).get("x_astro_path") ?? pathOf(target),
  /** A page in any form that is asked for. */
  rails: (target) => decodeStrictly(pathOf(target)).replace(/\.(?:json|xml|md|turbo_stream|atom|amp)$/, ""),
  php: (target, headers) => {
    const path = headers["x-original-uri"] ?? decodeStrictly(pathOf(target));
    return path
      .replace(/^.*?\/[^/]+\.php(?=\/)/, (program) =>
        program.endsWith("/index.php") ? "" : program.slice(0, -4),
      )
      .replace(/\.php$/, "")
      .replace(/^(\/chat)\/.*$/, "$1");
  },
  /** Apache with `AcceptPathInfo`: whatever stands behind a file's name. */
  "path info": (target) =>
    decodeStrictly(pathOf(target))
      .replace(/(\.(?:php|html))\/.*$/, "$1")
      .replace(/\.html$/, ""),
  symfony: (target, headers) => headers["x-rewrite-url"] ?? pathOf(target),
  prefixed: (target, headers) => `${headers["x-forwarded-prefix"] ?? ""}${pathOf(target)}`,
  azure: (target, headers) =>
    headers["x-ms-original-url"] ?? headers["x-waws-unencoded-url"] ?? pathOf(target),
};
