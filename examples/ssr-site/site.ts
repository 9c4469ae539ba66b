import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readFlags, type Flags } from "sluice/read-flags";
import { streamAnswer } from "./answer.ts";
import { answersPage, homePage, searchPage, toHtml, type Page } from "./pages.ts";

/** The headers that the worker sends to a site. */
const RECEIVED = ["x-flags", "x-flags-context", "signature-input", "signature"] as const;

/** A site that renders on the server, with the features that Sluice's worker reports for a visitor. */
export interface Site {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

export interface SiteOptions {
  /** 0: a free port. */
  readonly port?: number;
  /** The worker's SIGNING_KEYS. A request that did not pass the worker has every feature off. */
  readonly signingKeys: string;
  /** Called with the unchanged path and query of every request. */
  readonly onRequest?: ((target: string) => void) | undefined;
}

const PAGES: Readonly<Record<string, (flags: Flags, q: string) => Page>> = {
  "/": homePage,
  "/ai/answers": (_flags, q) => answersPage(q),
  "/search": (_flags, q) => searchPage(q),
};

/**
 * Starts the site on loopback. `/` is the search page, with or without AI. `/ai/answers` is the AI page, which a gate
 * closes, and `/search` the page without AI. With `Accept: application/json` pages are JSON. `/flags.json` shows the flags
 * and headers that the site received.
 */
export async function startSite({ port = 0, signingKeys: keys, onRequest }: SiteOptions): Promise<Site> {
  const server = createServer((request, response) => {
    onRequest?.(request.url ?? "");
    // readFlags never rejects: without the worker in front everything reads as off.
    void readFlags(request.headers, { keys, now: Date.now(), request }).then((flags) => {
      answer(request, response, flags);
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

function answer(request: IncomingMessage, response: ServerResponse, flags: Flags): void {
  // The page depends on the visitor, so no shared cache may store it.
  response.setHeader("cache-control", "private, no-store");
  const [target = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const path = toPath(target);
  const q = new URLSearchParams(query).get("q") ?? "";
  if (path === "/flags.json") return sendJson(response, receivedBy(request, flags));
  if (path === "/ai/stream") return streamAnswer(response, q);
  const page = Object.hasOwn(PAGES, path) ? PAGES[path]?.(flags, q) : undefined;
  if (page === undefined) {
    response.statusCode = 404;
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end('<!doctype html><title>Not found</title>Not found. <a href="/">Home</a>');
    return;
  }
  if (request.headers.accept === "application/json") {
    return sendJson(response, { page: page.kind, path: page.path, enabled: flags.enabled });
  }
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(toHtml(page, flags));
}

/** As lenient as many servers: accepts escapes, upper case and double slashes, so that the gate has spellings to block. */
function toPath(target: string): string {
  let path = target;
  try {
    path = decodeURIComponent(target);
  } catch {
    // Not UTF-8: left unchanged.
  }
  return path
    .toLowerCase()
    .replace(/\/{2,}/g, "/")
    .replace(/(?<=.)\/$/, "");
}

function receivedBy(request: IncomingMessage, flags: Flags): object {
  const { enabled, context, problem } = flags;
  const headers = Object.fromEntries(RECEIVED.map((name) => [name, request.headers[name]]));
  const variants = Object.fromEntries(
    enabled
      .filter((key) => flags.variant(key) !== "on")
      .map((key) => [key, { variant: flags.variant(key), value: flags.value(key) }]),
  );
  return { enabled, variants, context, problem, headers };
}

function sendJson(response: ServerResponse, body: object): void {
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}
