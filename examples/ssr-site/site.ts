import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFlags } from "../../shared/read-flags.ts";
import { searchPage } from "./pages.ts";

/** What the worker says to a site. */
const HEARD = ["x-flags", "x-flags-context", "signature-input", "signature"] as const;

/** A site that renders on the server and lets Sluice's worker say which features a visitor has. */
export interface Site {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

export interface SiteOptions {
  /** 0: a free one. */
  readonly port?: number;
  /** The worker's SIGNING_KEYS: whoever comes past the worker has every feature off. */
  readonly signingKeys: string;
}

/**
 * Starts the site on loopback. `/` is the search page, with AI or without; `/flags.json` says what the site heard, for
 * scripts.
 */
export async function startSite({ port = 0, signingKeys: keys }: SiteOptions): Promise<Site> {
  const server = createServer((request, response) => {
    // readFlags never rejects: without the worker in front everything reads as off.
    void readFlags(request.headers, { keys, now: Date.now(), request }).then((flags) => {
      // The page depends on who asks: no shared cache may keep it.
      response.setHeader("cache-control", "private, no-store");
      const path = (request.url ?? "/").split("?", 1)[0];
      if (path === "/flags.json") {
        response.setHeader("content-type", "application/json");
        const { enabled, context, problem } = flags;
        const headers = Object.fromEntries(HEARD.map((name) => [name, request.headers[name]]));
        const variants = Object.fromEntries(
          enabled
            .filter((key) => flags.variant(key) !== "on")
            .map((key) => [key, { variant: flags.variant(key), value: flags.value(key) }]),
        );
        return response.end(`${JSON.stringify({ enabled, variants, context, problem, headers }, null, 2)}\n`);
      }
      if (path !== "/") response.statusCode = 404;
      response.setHeader("content-type", "text/html; charset=utf-8");
      return response.end(
        path === "/" ? searchPage(flags) : "<!doctype html><title>Not found</title>Not found",
      );
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
