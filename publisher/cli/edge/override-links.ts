import { CliError, EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";
import { findEdges } from "./edge-urls.ts";

/**
 * Whose links an override gets: the site of `--url`, else those of `--edge` or SLUICE_EDGE_URLS.
 *
 * @returns what makes the links, one for each site, out of the path that the API answers
 * @throws CliError when no site is named, or one is no address
 */
export function linksOf(
  cli: Cli,
  { url, edge }: { readonly url?: string; readonly edge?: readonly string[] },
): (path: string) => readonly string[] {
  if (url !== undefined) {
    if (edge !== undefined) {
      throw new CliError(EXIT.usage, "--url and --edge do not go together", {
        mend: ["give --url alone: the link is for its site"],
      });
    }
    const page = toUrl("--url", url);
    const to = `${page.pathname}${page.search}${page.hash}`;
    return (path) => [`${page.origin}${path}${to === "/" ? "" : `&to=${encodeURIComponent(to)}`}`];
  }
  const sites = findEdges(cli, edge).map(({ shownUrl }) => toUrl("--edge", shownUrl).origin);
  if (sites.length === 0) {
    throw new CliError(EXIT.usage, "it is not known for which site", {
      mend: ["name a page of it with --url, or the site with --edge or SLUICE_EDGE_URLS"],
    });
  }
  return (path) => [...new Set(sites)].map((site) => `${site}${path}`);
}

function toUrl(option: string, text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.username !== "" || url.password !== "")) {
    throw new CliError(EXIT.usage, `${option} must not hold a user name or password`);
  }
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new CliError(EXIT.usage, `${option} "${visible(text, 100)}" is no address of a site`, {
    mend: ["write it like https://www.example.com/ai"],
  });
}
