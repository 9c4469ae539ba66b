import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy that can fail as networks do. */
export interface Outage {
  /** The target's URL, through the proxy. */
  readonly url: string;
  /** Cuts every connection, and each new one at once. */
  cut(): void;
  /** Keeps every connection open, and forwards nothing. */
  hang(): void;
  mend(): void;
  /** On the next connection that sends these texts in order: forwards the last text, then cuts before any answer. */
  cutAfter(...texts: readonly string[]): void;
  stop(): Promise<void>;
}

/** Starts a proxy for the server at the URL. */
export async function startOutage(target: string): Promise<Outage> {
  const url = new URL(target);
  const port = Number(url.port);
  const host = url.hostname;
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: "well" | "cut" | "hang" = "well";
  let fatalTexts: readonly string[] = [];

  const server = createServer((client) => {
    if (state === "cut") {
      client.destroy();
      return;
    }
    const upstream = connect(port, host);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    let heard = 0;
    client.on("data", (bytes) => {
      while (heard < fatalTexts.length && bytes.includes(fatalTexts[heard] ?? "")) heard += 1;
      if (heard > 0 && heard === fatalTexts.length) {
        fatalTexts = [];
        // The answer is lost, but the work is done.
        upstream.removeAllListeners("data").resume();
        upstream.write(bytes, () => upstream.end());
        pairs.delete(pair);
        client.removeAllListeners("close").destroy();
        return;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => client.write(bytes));
    if (state === "hang") for (const socket of pair) socket.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  url.hostname = "127.0.0.1";
  url.port = String(address.port);

  const cutAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  return {
    url: url.href.replace(/\/$/, ""),
    cut() {
      state = "cut";
      cutAll();
    },
    hang() {
      state = "hang";
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    mend() {
      state = "well";
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    cutAfter(...texts) {
      fatalTexts = texts;
    },
    async stop() {
      cutAll();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
