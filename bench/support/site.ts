import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The flags that the site received with one request. */
export interface Heard {
  /** When it came, on the clock of `performance.now()`. */
  readonly at: number;
  readonly flags: ReadonlySet<string>;
  /** False while the worker has no snapshot, so that everything is off. */
  readonly isKnown: boolean;
}

/** A site behind the worker that looks at `x-flags`, and answers with the flags and the time. */
export async function startSite(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  // The worker's connections must outlast its idle times, or some request is sent just as one is closed.
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    const { "x-flags": flags = "", "x-flags-context": context = "" } = request.headers;
    const isKnown = String(context).includes("rev=");
    response.end(JSON.stringify({ at: performance.now(), flags, isKnown }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Reads the site's answer. */
export function parseHeard(text: string): Heard {
  const { at, flags, isKnown } = JSON.parse(text) as { at: number; flags: string; isKnown: boolean };
  return { at, flags: new Set(flags === "" ? [] : flags.split(", ")), isKnown };
}
