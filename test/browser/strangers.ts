import { once } from "node:events";
import { createServer as createPlainServer, type RequestListener } from "node:http";
import { createServer } from "node:https";
import type { Certificate } from "./certificate.ts";

/** Other sites. One server answers for all their names. */
export interface Strangers {
  /** `host:port` on loopback, with TLS and without. */
  readonly address: string;
  readonly plainAddress: string;
  /** Every request with its headers. */
  readonly seen: readonly { readonly url: string; readonly headers: string }[];
  /** HTML by path. Other paths are empty pages. */
  readonly pages: Map<string, string>;
  /** The targets of redirects, by path. */
  readonly redirects: Map<string, string>;
  /** `Set-Cookie` of all pages. */
  cookies: readonly string[];
  stop(): Promise<void>;
}

export async function startStrangers(tls: Certificate): Promise<Strangers> {
  const seen: { url: string; headers: string }[] = [];
  const answer: RequestListener = (request, response) => {
    const { url = "", headers } = request;
    seen.push({ url: `//${headers.host}${url}`, headers: request.rawHeaders.join("\n") });
    response.setHeader("content-type", "text/html; charset=utf-8");
    if (strangers.cookies.length > 0) response.setHeader("set-cookie", [...strangers.cookies]);
    const [path = ""] = url.split("?");
    const location = strangers.redirects.get(path);
    if (location !== undefined) response.writeHead(302, { location });
    response.end(`<!doctype html><link rel="icon" href="data:,">${strangers.pages.get(path) ?? ""}`);
  };
  const servers = [createServer(tls, answer), createPlainServer(answer)];
  const addresses: string[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || address === null)
      throw new Error("the servers of the other sites have no port");
    addresses.push(`127.0.0.1:${address.port}`);
  }
  const [address = "", plainAddress = ""] = addresses;
  const strangers: Strangers = {
    address,
    plainAddress,
    seen,
    pages: new Map(),
    redirects: new Map(),
    cookies: [],
    async stop() {
      for (const server of servers) {
        const closed = once(server, "close");
        server.close();
        server.closeAllConnections();
        await closed;
      }
    },
  };
  return strangers;
}
