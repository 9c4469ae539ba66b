import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A site whose pages show the flag headers that it got from the edge. */
export interface Site {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the site. */
export async function startSite(): Promise<Site> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { "x-flags": flags = "", "x-flags-context": context = "" } = request.headers;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ flags, context }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
