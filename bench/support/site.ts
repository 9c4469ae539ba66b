import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What the site heard of one request. */
export interface Heard {
  /** When it came, on the clock of `performance.now()`. */
  readonly at: number;
  readonly flags: ReadonlySet<string>;
}

/** A site behind the worker that looks at `x-flags`, and answers with what it heard and when. */
export async function startSite(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    response.end(`${performance.now()} ${String(request.headers["x-flags"] ?? "")}`);
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
  const space = text.indexOf(" ");
  const flags = text.slice(space + 1);
  return { at: Number(text.slice(0, space)), flags: new Set(flags === "" ? [] : flags.split(", ")) };
}
