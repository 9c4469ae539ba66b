import { CliError, EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";
import { findEdges } from "./edge-urls.ts";

/**
 * Chooses the sites for the links of an override: `--url`, else `--edge` or SLUICE_EDGE_URLS.
 *
 * @returns a function from the API's path to one link per site
 * @throws CliError when no site is given, or an address is not valid
 */
export function linksOf(
  cli: Cli,
  { url, edge }: { readonly url?: string; readonly edge?: readonly string[] },
): (path: string) => readonly string[] {
  if (url !== undefined) {
    if (edge !== undefined) {
      throw new CliError(EXIT.usage, "--url and --edge cannot be combined", {
        fix: ["use --url alone: it names the site too"],
      });
    }
    const page = toUrl("--url", url);
    const to = `${page.pathname}${page.search}${page.hash}`;
    return (path) => [`${page.origin}${path}${to === "/" ? "" : `&to=${encodeURIComponent(to)}`}`];
  }
  const sites = findEdges(cli, edge).map(({ shownUrl }) => toUrl("--edge", shownUrl).origin);
  if (sites.length === 0) {
    throw new CliError(EXIT.usage, "the site is missing", {
      fix: ["name a page with --url, or the site with --edge or SLUICE_EDGE_URLS"],
    });
  }
  return (path) => [...new Set(sites)].map((site) => `${site}${path}`);
}

function toUrl(option: string, text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.username !== "" || url.password !== "")) {
    throw new CliError(EXIT.usage, `${option} must not contain a user name or password`);
  }
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new CliError(EXIT.usage, `${option} "${visible(text, 100)}" is not the address of a site`, {
    fix: ["write it like https://www.example.com/ai"],
  });
}
