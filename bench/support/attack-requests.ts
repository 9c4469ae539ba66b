import { readFileSync } from "node:fs";

/** A request as it is sent. */
export interface AttackRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly target: string;
  /** Lines such as `RSC: 1`. */
  readonly headers: readonly string[];
}

/**
 * Requests that may reach a page by another address, method or header, on any kind of server.
 *
 * @param pages their paths
 * @param buildId Next.js' `.next/BUILD_ID`, which is part of its data addresses
 */
export function attackRequests(pages: readonly string[], buildId: string): readonly AttackRequest[] {
  const targets = new Set([...fromTable(pages), ...pages.flatMap((page) => targetsOf(page, buildId))]);
  const plain = [...targets].filter((target) => /^[\x21-\x7e]+$/.test(target));
  return [
    ...plain.map((target) => ({ method: "GET" as const, target, headers: [] })),
    ...doorsOf(pages, buildId).flatMap((target) =>
      [...HEADERS, ...pages.flatMap(pathHeaders)].flatMap((headers) =>
        METHODS.map((method) => ({ method, target, headers })),
      ),
    ),
  ];
}

const METHODS = ["GET", "HEAD", "POST"] as const;

/** The rows of the table of tricks, with each of these pages instead of theirs. */
function fromTable(pages: readonly string[]): readonly string[] {
  const file = new URL("../../test/cases/gates.json", import.meta.url);
  const { hostile } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly hostile: readonly { readonly target: string }[];
  };
  return hostile.flatMap(({ target }) =>
    pages.map((page) =>
      target.replace(/\/ai\/chat|\/ai(?![a-z])|chat/i, (found) =>
        found.startsWith("/") ? page : page.slice(1),
      ),
    ),
  );
}

/** Suffixes of a page: its other forms, and parts that some servers ignore. */
const EXTENSIONS = [
  "",
  ...words(`.json .html .htm .txt .data .md .xml .php .js .body .meta .rsc .prefetch.rsc
  .segments/_tree.segment.rsc .segments/_index.segment.rsc .segments/_full.segment.rsc /__next._tree.txt /__next._full.txt
  /__data.json /_payload.json /index.html /index.json /page /route /x`),
];

const QUERIES = words("_rsc=1 _rsc __nextDataReq=1 __nextLocale=en _data=routes amp=1");
const PATH_QUERIES = words("x_astro_path __pathname _path path");

function targetsOf(page: string, buildId: string): readonly string[] {
  const parts = page.split("/").slice(1);
  const [slash, backslash] = [`/${parts.join("%2f")}`, `/${parts.join("%5c")}`];
  const escaped = page.replace(/[a-z]/g, (letter) => `%${(letter.codePointAt(0) ?? 0).toString(16)}`);
  const upper = page.toUpperCase();
  const spellings =
    words(`${page} ${upper} ${page}/ ${escaped} ${slash} ${backslash} /${parts.join("\\")} //${parts.join("//")}
    /x/..${page} /x/%2e%2e${page} /x/..%2f${parts.join("/")} /.${page} /%2e${page} ${page}/. ${page}/x/.. ${page}/%2e
    ${page};a=b ${page}%00 ${page}%20 ${page}%09 ${page}. ${page}?a ${page}%3fa ${page}#x ${page}%23 //example.com${page}`);
  const data = `/_next/data/${buildId}`;
  const prefixes =
    words(`${data} ${data}/en /x${data} ${data}/.. /_next//data/${buildId} /%5fnext/data/${buildId}
    /_next/data/other /_next /_next/static/.. /_next/image?url= /index.php /api/x/../.. /about/.. /about/..; /_root
    /page-data /_nuxt/static/1 /_error /404 //example.com`);
  const queries = [...QUERIES, ...PATH_QUERIES.map((name) => `${name}=${page}`)];
  return [
    ...spellings.flatMap((spelling) => EXTENSIONS.map((extension) => spelling + extension)),
    ...prefixes.flatMap((prefix) =>
      [page, escaped, slash, upper, `${page}/`].flatMap((path) =>
        ["", ".json", ".rsc", "/index.json"].map((extension) => prefix + path + extension),
      ),
    ),
    ...queries.flatMap((query) => [page, "/", "/about"].map((path) => `${path}?${query}`)),
  ];
}

/** The addresses that are requested with every set of headers. */
function doorsOf(pages: readonly string[], buildId: string): readonly string[] {
  return [
    "/",
    "/about",
    ...pages.flatMap((page) => [page, `${page}.rsc`, `${page}?_rsc=1`, `/_next/data/${buildId}${page}.json`]),
  ];
}

/** Headers that ask frameworks and servers for another form of a page. */
const HEADERS: readonly (readonly string[])[] = [
  ["RSC: 1"],
  ["RSC: 1", "Next-Router-Prefetch: 1"],
  ["RSC: 1", "Next-Router-Prefetch: 1", "Next-Router-Segment-Prefetch: /_tree"],
  ["x-nextjs-data: 1"],
  ["Range: bytes=0-99999"],
  ["Accept: application/json"],
  ["X-Requested-With: XMLHttpRequest"],
];

/** Headers by which they may take another path than the URL's. */
const PATH_HEADERS =
  words(`x-invoke-path x-matched-path x-now-route-matches x-middleware-rewrite x-middleware-subrequest
  x-rewrite-url x-original-url x-original-uri x-forwarded-prefix x-forwarded-path x-forwarded-uri x-nextjs-rewrite
  x-nextjs-rewritten-path next-url next-resume x-astro-path x-opennext-path`);

const pathHeaders = (page: string): readonly (readonly string[])[] =>
  PATH_HEADERS.map((name) => [`${name}: ${page}`]);

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}
